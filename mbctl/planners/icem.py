"""iCEM, the improved cross-entropy method.

Paper: Sample-efficient Cross-Entropy Method for Real-time Planning, Pinneri et al. 2020,
https://arxiv.org/abs/2008.06389, algorithm 1.

    symbol in the paper      here
    N, K, h, d               population, elites, horizon, width of an action
    beta                     noise_beta
    gamma                    decay: round i draws max(N gamma^-i, 2 K) sequences
    xi                       kept_fraction
    alpha                    momentum
    mu, sigma, sigma_init    mean, std, the standard deviation that `begin` is given

Deviations from the paper:
    * The search starts at the best known sequence, that is the last plan shifted or one of the
      policy's; the paper, which has no policy, starts at the last mean shifted.
    * Kept elites keep the values that they have instead of being scored again: the models that
      planners ask give the same answer twice.
    * Elites kept from the last plan are scored with the other known sequences, before the first
      round, and compete with the policy's proposals for their places in it.
    * A floor under the standard deviation, because few elites agree by chance.
"""

import torch
from torch import Tensor

from mbctl.planners.candidates import Candidates
from mbctl.planners.cem import around, refit
from mbctl.planners.noise import ColouredNoise
from mbctl.planners.settings import IcemSettings


class Icem:
    """The search distribution of iCEM, and the elites that it keeps.

    Args:
        settings: hyper-parameters.
        generator: source of the noise.
    """

    averages = False

    def __init__(self, settings: IcemSettings, generator: torch.Generator) -> None:
        self.settings = settings
        self.noise = ColouredNoise(settings.noise_beta, settings.horizon, generator)
        self.kept_count = round(settings.kept_fraction * settings.elites)
        self.mean = self.std = self.initial_std = torch.zeros(0)
        self.kept: Candidates | None = None

    def begin(self, known: Candidates, std: Tensor) -> None:
        self.mean, self.std = known.top(1).actions[:, 0], std
        self.initial_std = std
        self.kept = known.top(self.kept_count)

    def sample(self, iteration: int) -> Tensor:
        settings = self.settings
        decayed = int(settings.population * settings.decay**-iteration)
        count = min(settings.population, max(decayed, 2 * settings.elites))
        noise = self.noise.draw(count, self.mean.shape[-1])
        return around(self.mean, self.std, noise, iteration == settings.iterations - 1)

    def update(self, scored: Candidates) -> None:
        pool = scored if self.kept is None else scored.joined(self.kept)
        elites = pool.top(self.settings.elites)
        self.mean, self.std = refit(self.mean, self.std, elites, self.settings)
        self.kept = elites.top(self.kept_count)

    def remembered(self, steps: int) -> Tensor | None:
        """Elites [H, M, A] of the last plan, shifted; their ends are drawn anew."""
        if self.kept is None or len(self.kept) == 0:
            return None
        old = self.kept.actions[steps:]
        noise = self.noise.draw(old.shape[1], old.shape[2])[-steps:]
        ends = self.mean[-1] + self.initial_std[-steps:, None] * noise
        return torch.cat([old, ends.clamp(-1, 1)])

    def restart(self) -> None:
        self.kept = None
