"""Where a plan's search looks next: what a search method is, and CEM, iCEM and MPPI.

A method's settings are in mbctl.planners.settings, where it has its name.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.planners.objective import Scores
from mbctl.planners.settings import (
    CemSettings,
    EliteSettings,
    IcemSettings,
    MppiSettings,
    SearchSettings,
)


@dataclass(frozen=True)
class Candidates:
    """N scored sequences [H, N, A]."""

    actions: Float[Tensor, "H N A"]
    scores: Scores

    def __len__(self) -> int:
        return self.actions.shape[1]

    def top(self, count: int) -> "Candidates":
        """The `count` best, best first; fewer when fewer are finite."""
        value = self.scores.value
        finite = int(value.isfinite().sum())
        return self._rows(value.topk(min(count, finite)).indices)

    def joined(self, other: "Candidates") -> "Candidates":
        """These and the others."""
        pairs = [
            (getattr(self.scores, name), getattr(other.scores, name))
            for name in ("value", "mean_return", "disagreement")
        ]
        scores = Scores(*(torch.cat(pair) for pair in pairs))
        return Candidates(torch.cat([self.actions, other.actions], dim=1), scores)

    def _rows(self, rows: Tensor) -> "Candidates":
        old = self.scores
        scores = Scores(old.value[rows], old.mean_return[rows], old.disagreement[rows])
        return Candidates(self.actions[:, rows], scores)


@runtime_checkable
class SearchMethod(Protocol):
    """Where to look next, given what was found."""

    @property
    def averages(self) -> bool:
        """Whether the answer is `mean`, which is yet to be scored, and not the best sample."""
        ...

    @property
    def mean(self) -> Tensor:
        """[H, A]."""
        ...

    def begin(self, known: Candidates, std: Tensor) -> None:
        """Start a plan from known sequences, with standard deviations [H, A]."""
        ...

    def sample(self, iteration: int) -> Tensor:
        """Sequences [H, N, A] for this round."""
        ...

    def update(self, scored: Candidates) -> None:
        """Take in what the round's sequences are worth."""
        ...

    def remembered(self, steps: int) -> Tensor | None:
        """Sequences [H, M, A] of the last plan, shifted by `steps` < H, to be scored again."""
        ...

    def restart(self) -> None:
        """Forget the last plan."""
        ...


class ColouredNoise:
    """Sequences of H steps with unit variance at each step, whose power falls as f^-beta.

    Pinneri et al. 2020 (iCEM), section 3.1: sequences of independent actions cancel one another,
    those of strongly correlated ones explore. beta 0 is white noise, 1 pink, 2 red.

    The discrete Fourier synthesis is linear, so it is one matrix, built once. The power of the
    constant component is that of the lowest frequency, 1 / H, as in the iCEM paper's code.

    Args:
        beta: the exponent.
        horizon: H.
        generator: source of the draws.
    """

    def __init__(self, beta: float, horizon: int, generator: torch.Generator) -> None:
        self.generator = generator
        is_white = beta == 0 or horizon == 1
        self.synthesis = None if is_white else _synthesis(beta, horizon, generator.device)
        self.horizon = horizon

    def draw(self, count: int, width: int) -> Float[Tensor, "H N A"]:
        """`count` sequences of `width` independent columns."""
        rows = self.horizon if self.synthesis is None else self.synthesis.shape[1]
        made = {"generator": self.generator, "device": self.generator.device}
        white = torch.randn(rows, count * width, **made)
        noise = white if self.synthesis is None else self.synthesis @ white
        return noise.reshape(self.horizon, count, width)


def _synthesis(beta: float, horizon: int, device: torch.device) -> Tensor:
    """[H, K]: cosines and sines of each frequency, weighed by its amplitude."""
    time = torch.arange(horizon, dtype=torch.float64, device=device)
    columns = []
    for k in range(horizon // 2 + 1):
        amplitude = (max(k, 1) / horizon) ** (-beta / 2)
        phase = 2 * math.pi * k * time / horizon
        if k in (0, horizon / 2):  # one real component, which the spectrum counts once
            columns.append(amplitude * math.sqrt(0.5) * torch.cos(phase))
        else:
            columns += [amplitude * torch.cos(phase), amplitude * torch.sin(phase)]
    basis = torch.stack(columns, dim=1)
    return (basis / basis.square().sum(dim=1, keepdim=True).sqrt()).to(torch.float32)


class GaussianSearch:
    """Draws about a mean [H, A] with standard deviations [H, A], and forgets each plan.

    Args:
        settings: hyper-parameters.
        noise_beta: colour of the noise over time.
        generator: source of the noise.
    """

    averages = False

    def __init__(
        self, settings: SearchSettings, noise_beta: float, generator: torch.Generator
    ) -> None:
        self.noise = ColouredNoise(noise_beta, settings.horizon, generator)
        self.mean = self.std = torch.zeros(0, device=generator.device)

    def begin(self, known: Candidates, std: Tensor) -> None:
        """Start at the best known sequence."""
        self.mean, self.std = known.top(1).actions[:, 0], std

    def draw(self, count: int, with_mean: bool) -> Float[Tensor, "H N A"]:
        """`count` sequences, clipped to the range of actions; the first is the mean if asked."""
        noise = self.noise.draw(count, self.mean.shape[-1])
        drawn = torch.addcmul(self.mean[:, None], self.std[:, None], noise).clamp_(-1, 1)
        if with_mean:
            drawn[:, 0] = self.mean
        return drawn

    def remembered(self, steps: int) -> Tensor | None:
        """Nothing."""
        return None

    def restart(self) -> None:
        """There is nothing to forget."""


class _EliteSearch(GaussianSearch):
    """Fits mean and deviations to the best sequences; what CEM and iCEM share."""

    def __init__(
        self, settings: EliteSettings, noise_beta: float, generator: torch.Generator
    ) -> None:
        super().__init__(settings, noise_beta, generator)
        self.momentum, self.minimum_std = settings.momentum, settings.minimum_std

    def refit(self, elites: Candidates) -> None:
        """To those of the elites, with momentum; without elites the search stays where it is."""
        if len(elites) == 0:
            return
        spread, centre = torch.std_mean(elites.actions, dim=1, correction=0)
        self.std = torch.lerp(spread, self.std, self.momentum).clamp_min(self.minimum_std)
        self.mean = torch.lerp(centre, self.mean, self.momentum)


class Cem(_EliteSearch):
    """The cross-entropy method.

    Papers: The Cross-Entropy Method for Combinatorial and Continuous Optimization, Rubinstein 1999;
    as a planner in learned ensembles: Deep Reinforcement Learning in a Handful of Trials using
    Probabilistic Dynamics Models (PETS), Chua et al. 2018, algorithm 1 and section 5.

        symbol in the papers     here
        N, K                     population, elites
        mu, sigma                mean, std
        alpha                    momentum

    Deviations from the papers:
        * The best sequence seen is carried out, not the last mean, which has no score: so a plan is
          never worse in the model than the policy. The mean is scored as one of the last round.
        * The search starts at the best known sequence: the last plan or one of the policy's.
        * Samples are clipped to the range of actions, not drawn from a truncated normal
          distribution.
        * A floor under the standard deviation, because few elites agree by chance.

    Args:
        settings: hyper-parameters.
        generator: source of the noise.
    """

    def __init__(self, settings: CemSettings, generator: torch.Generator) -> None:
        super().__init__(settings, 0.0, generator)
        self.settings = settings

    def sample(self, iteration: int) -> Tensor:
        settings = self.settings
        return self.draw(settings.population, iteration == settings.iterations - 1)

    def update(self, scored: Candidates) -> None:
        self.refit(scored.top(self.settings.elites))


class Icem(_EliteSearch):
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

    Args:
        settings: hyper-parameters.
        generator: source of the noise.
    """

    def __init__(self, settings: IcemSettings, generator: torch.Generator) -> None:
        super().__init__(settings, settings.noise_beta, generator)
        self.settings = settings
        self.kept_count = round(settings.kept_fraction * settings.elites)
        self.initial_std = torch.zeros_like(self.std)
        self.kept: Candidates | None = None

    def begin(self, known: Candidates, std: Tensor) -> None:
        """Start at the best known sequence, and keep some of the known ones."""
        super().begin(known, std)
        self.initial_std = std
        self.kept = known.top(self.kept_count)

    def sample(self, iteration: int) -> Tensor:
        settings = self.settings
        decayed = int(settings.population * settings.decay**-iteration)
        count = min(settings.population, max(decayed, 2 * settings.elites))
        return self.draw(count, iteration == settings.iterations - 1)

    def update(self, scored: Candidates) -> None:
        pool = scored if self.kept is None else scored.joined(self.kept)
        elites = pool.top(self.settings.elites)
        self.refit(elites)
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
        """Forget the kept elites."""
        self.kept = None


class Mppi(GaussianSearch):
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
        * Several rounds may follow one another, and known sequences, such as the policy's, are
          weighed in with the samples (as in TD-MPC, Hansen et al. 2022).
        * The mean is scored at the end and yields to a known sequence that is better: so a plan is
          never worse in the model than the policy.

    Args:
        settings: hyper-parameters.
        generator: source of the noise.
    """

    averages = True

    def __init__(self, settings: MppiSettings, generator: torch.Generator) -> None:
        super().__init__(settings, settings.noise_beta, generator)
        self.settings = settings
        self.known: Candidates | None = None

    def begin(self, known: Candidates, std: Tensor) -> None:
        """Start at the best known sequence; all of them are weighed in with the samples."""
        super().begin(known, std)
        self.known = known

    def sample(self, iteration: int) -> Tensor:
        return self.draw(self.settings.population, False)

    def update(self, scored: Candidates) -> None:
        pool = scored if self.known is None else scored.joined(self.known)
        weight = weights(pool.scores.value, self.settings.temperature)
        self.mean = torch.einsum("n,hna->ha", weight, pool.actions)

    def restart(self) -> None:
        """Forget the known sequences."""
        self.known = None


def weights(value: Tensor, temperature: float) -> Tensor:
    """w [N], summing to 1, of values [N] of which at least one is finite."""
    unit = value[value.isfinite()].std(correction=0).clamp_min(1e-8)
    return torch.softmax((value - value.max()) / (temperature * unit), dim=0)
