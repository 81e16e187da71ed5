"""The cross-entropy method.

Papers: The Cross-Entropy Method for Combinatorial and Continuous Optimization, Rubinstein 1999;
as a planner in learned ensembles: Deep Reinforcement Learning in a Handful of Trials using
Probabilistic Dynamics Models (PETS), Chua et al. 2018, algorithm 1 and section 5.

    symbol in the papers     here
    N, K                     population, elites
    mu, sigma                mean, std
    alpha                    momentum

Deviations from the papers:
    * The best sequence seen is carried out, not the last mean, which no one has scored: so a plan
      is never worse in the model than the policy. The mean is scored as one of the last round.
    * The search starts at the best known sequence: the last plan or one of the policy's.
    * Samples are clipped to the range of actions, not drawn from a truncated normal distribution.
    * A floor under the standard deviation, because few elites agree by chance.
"""

import torch
from torch import Tensor

from mbctl.planners.candidates import Candidates
from mbctl.planners.noise import ColouredNoise
from mbctl.planners.settings import CemSettings, EliteSettings


class Cem:
    """The search distribution of CEM.

    Args:
        settings: hyper-parameters.
        generator: source of the noise.
    """

    averages = False

    def __init__(self, settings: CemSettings, generator: torch.Generator) -> None:
        self.settings = settings
        self.noise = ColouredNoise(0.0, settings.horizon, generator)
        self.mean = self.std = torch.zeros(0)

    def begin(self, known: Candidates, std: Tensor) -> None:
        self.mean, self.std = known.top(1).actions[:, 0], std

    def sample(self, iteration: int) -> Tensor:
        settings = self.settings
        noise = self.noise.draw(settings.population, self.mean.shape[-1])
        return around(self.mean, self.std, noise, iteration == settings.iterations - 1)

    def update(self, scored: Candidates) -> None:
        elites = scored.top(self.settings.elites)
        self.mean, self.std = refit(self.mean, self.std, elites, self.settings)

    def remembered(self, steps: int) -> Tensor | None:
        return None

    def restart(self) -> None:
        pass


def around(mean: Tensor, std: Tensor, noise: Tensor, with_mean: bool) -> Tensor:
    """Sequences [H, N, A] about `mean` [H, A]; the first is the mean itself if asked for."""
    sampled = torch.addcmul(mean[:, None], std[:, None], noise).clamp_(-1, 1)
    if with_mean:
        sampled[:, 0] = mean
    return sampled


def refit(
    mean: Tensor, std: Tensor, elites: Candidates, settings: EliteSettings
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [H, A] of the elites, with momentum; the old without elites."""
    if len(elites) == 0:
        return mean, std
    spread, centre = torch.std_mean(elites.actions, dim=1, correction=0)
    kept = settings.momentum
    new_std = torch.lerp(spread, std, kept).clamp_min(settings.minimum_std)
    return torch.lerp(centre, mean, kept), new_std
