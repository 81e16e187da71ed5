"""MPPI, model predictive path integral control.

Paper: Information Theoretic MPC for Model-Based Reinforcement Learning, Williams et al. 2017,
algorithm 2.

    symbol in the paper      here
    K, T                     population, horizon
    u_0 ... u_{T-1}          mean
    epsilon ~ N(0, Sigma)    noise times std; Sigma stays what it is
    S, lambda                minus value, temperature
    w_k = exp(-(S_k - min S) / lambda) / eta    weights

Deviations from the paper:
    * lambda is in units of the standard deviation of S over the sequences, so that it means the
      same whatever the size of the rewards.
    * The cost of control lambda u Sigma^-1 epsilon is left out (their alpha = 1): the task's
      reward says what control costs.
    * Several rounds may follow one another, and known sequences, such as the policy's, are weighed
      in with the samples (as in TD-MPC, Hansen et al. 2022).
    * The mean is scored at the end and yields to a known sequence that is better: so a plan is
      never worse in the model than the policy.
"""

import torch
from torch import Tensor

from mbctl.planners.candidates import Candidates
from mbctl.planners.cem import around
from mbctl.planners.noise import ColouredNoise
from mbctl.planners.settings import MppiSettings


class Mppi:
    """The search distribution of MPPI.

    Args:
        settings: hyper-parameters.
        generator: source of the noise.
    """

    averages = True

    def __init__(self, settings: MppiSettings, generator: torch.Generator) -> None:
        self.settings = settings
        self.noise = ColouredNoise(settings.noise_beta, settings.horizon, generator)
        self.mean = self.std = torch.zeros(0)
        self.known: Candidates | None = None

    def begin(self, known: Candidates, std: Tensor) -> None:
        self.mean, self.std, self.known = known.top(1).actions[:, 0], std, known

    def sample(self, iteration: int) -> Tensor:
        noise = self.noise.draw(self.settings.population, self.mean.shape[-1])
        return around(self.mean, self.std, noise, False)

    def update(self, scored: Candidates) -> None:
        pool = scored if self.known is None else scored.joined(self.known)
        weight = weights(pool.scores.value, self.settings.temperature)
        self.mean = torch.einsum("n,hna->ha", weight, pool.actions)

    def remembered(self, steps: int) -> Tensor | None:
        return None

    def restart(self) -> None:
        self.known = None


def weights(value: Tensor, temperature: float) -> Tensor:
    """w [N], summing to 1, of values [N] of which at least one is finite."""
    unit = value[value.isfinite()].std(correction=0).clamp_min(1e-8)
    return torch.softmax((value - value.max()) / (temperature * unit), dim=0)
