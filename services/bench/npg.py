"""Measures the policy player's step against double back-propagation through the mean KL."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mbctl.algorithms.game.npg import npg_step
from mbctl.policies.gaussian import GaussianPolicy
from services.bench.plain_npg import PlainPolicy, fisher_anew, fisher_kept, plain_npg_step
from services.bench.report import Figure, Goal
from services.bench.timing import Timing, time_interleaved

FASTER = Goal("at least", 5.0)
_STEP = {"delta": 0.05, "iterations": 10, "damping": 1e-4}


@dataclass(frozen=True)
class NpgSizes:
    """D'Claw's: 200 starts x 4 members x 40 steps, and the preset's Fisher rows."""

    rows: int = 32_000
    fisher_rows: int = 4_000
    observations: int = 44
    actions: int = 9
    hidden: tuple[int, ...] = (64, 64)
    rounds: int = 5


@dataclass(frozen=True)
class _Batch:
    observation: Tensor
    action: Tensor
    advantage: Tensor


def measure_npg(sizes: NpgSizes) -> tuple[list[Figure], dict[str, float]]:
    """Figures, and how far apart the two implementations' new parameters are."""
    batch = _draw(sizes)
    cases = {
        "all": lambda: _fast(sizes, batch, sizes.rows),
        "some": lambda: _fast(sizes, batch, sizes.fisher_rows),
        "anew": lambda: _plain(sizes, batch, fisher_anew),
        "kept": lambda: _plain(sizes, batch, fisher_kept),
    }
    difference = npg_difference(sizes)
    return _figures(sizes, time_interleaved(cases, sizes.rounds)), {"npg_difference": difference}


def npg_difference(sizes: NpgSizes) -> float:
    """||plain - fast|| / ||fast's step||, both with all rows: about rounding for the same maths."""
    batch = _draw(sizes)
    before = PlainPolicy(_policy(sizes)).flat()
    fast = _fast(sizes, batch, sizes.rows)
    plain = _plain(sizes, batch, fisher_kept)
    return float((plain - fast).norm() / (fast - before).norm())


def _figures(sizes: NpgSizes, timings: dict[str, Timing]) -> list[Figure]:
    milliseconds = {name: 1e3 * timing.cpu_s for name, timing in timings.items()}
    names = {
        "all": f"NPG step, Fisher matrix on all {sizes.rows} rows",
        "some": f"NPG step, Fisher matrix on {sizes.fisher_rows} rows",
    }
    baselines: Sequence[tuple[str, str, Goal | None]] = (
        ("anew", "double back-propagation, graph per product", FASTER),
        ("kept", "double back-propagation, one graph kept", None),
    )
    return [
        Figure(names[own], milliseconds[own], "ms", said, milliseconds[other], goal=goal)
        for own in ("all", "some")
        for other, said, goal in baselines
    ]


def _policy(sizes: NpgSizes) -> GaussianPolicy:
    generator = torch.Generator().manual_seed(1)
    return GaussianPolicy(
        sizes.observations, sizes.actions, sizes.hidden, -1.0, -3.0, None, generator
    )


def _draw(sizes: NpgSizes) -> _Batch:
    generator = torch.Generator().manual_seed(2)
    observation = torch.randn((sizes.rows, sizes.observations), generator=generator)
    noise = torch.randn((sizes.rows, sizes.actions), generator=generator)
    policy = _policy(sizes)
    action = policy.mean(observation) + torch.exp(policy.log_std) * noise
    return _Batch(observation, action, torch.randn(sizes.rows, generator=generator))


def _fast(sizes: NpgSizes, batch: _Batch, fisher_rows: int) -> Tensor:
    policy = _policy(sizes)
    npg_step(
        policy,
        batch.observation,
        batch.action,
        batch.advantage,
        **_STEP,
        fisher_rows=fisher_rows,
        generator=torch.Generator().manual_seed(3),
    )
    return PlainPolicy(policy).flat()


def _plain(sizes: NpgSizes, batch: _Batch, fisher) -> Tensor:
    policy = PlainPolicy(_policy(sizes))
    plain_npg_step(policy, batch.observation, batch.action, batch.advantage, fisher, **_STEP)
    return policy.flat()
