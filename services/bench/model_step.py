"""Measures a gradient step of the dynamics ensemble against a loop over its members."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import EnsembleFitter, TransitionData
from mbctl.tasks.task import Task
from services.bench.plain_ensemble import PlainEnsemble
from services.bench.report import Figure, Goal
from services.bench.timing import Timing, time_interleaved
from services.bench.yardstick import gflops_of, yardstick_work

PEAK_SHARE = Goal("at least", 0.65)
_LEARNING_RATE = 1e-3
_PASSES = 3  # forward, and two products of that size backward


@dataclass(frozen=True)
class ModelSizes:
    """The paper's network and the preset's."""

    hidden: tuple[tuple[int, ...], ...] = ((512, 512), (256, 256))
    members: int = 4
    batch: int = 200
    steps: int = 100  # in one measurement
    rounds: int = 5


def measure_model_step(
    task: Task, data: TransitionData, sizes: ModelSizes
) -> tuple[list[Figure], dict[str, float]]:
    """Figures for each network, and how far apart the losses of both ways end."""
    figures: list[Figure] = []
    details: dict[str, float] = {}
    for hidden in sizes.hidden:
        found = time_interleaved(
            {
                "bmm": _batched(task, data, sizes, hidden),
                "loop": _looped(task, data, sizes, hidden),
                "yardstick": yardstick_work(),
            },
            sizes.rounds,
        )
        shape = f"{sizes.members}x{hidden}"
        figures += _figures(task, sizes, hidden, shape, found)
        details[f"model_loss_difference {shape}"] = loss_difference(task, data, sizes, hidden)
    return figures, details


def flops_per_step(task: Task, sizes: ModelSizes, hidden: tuple[int, ...]) -> int:
    """3 passes x 2 x multiplications by a weight x rows.

    The gradient of the first layer's input, which nobody computes, is counted too.
    """
    weights = _model(task, sizes, hidden).network.weights
    return _PASSES * 2 * sum(weight.numel() for weight in weights) * sizes.batch


def loss_difference(
    task: Task, data: TransitionData, sizes: ModelSizes, hidden: tuple[int, ...]
) -> float:
    """Relative difference of the losses after the same few steps: rounding, for the same maths."""
    model, plain = (_model(task, sizes, hidden) for _ in range(2))
    fitter = EnsembleFitter(model, _LEARNING_RATE, sizes.batch, _generator())
    batched = fitter.fit(data, 5, lambda *_: None)
    looped = PlainEnsemble(plain, _LEARNING_RATE).fit(data, 5, sizes.batch, _generator())
    return abs(sum(looped) / len(looped) - batched) / batched


def _figures(
    task: Task,
    sizes: ModelSizes,
    hidden: tuple[int, ...],
    shape: str,
    found: dict[str, Timing],
) -> list[Figure]:
    own, loop = (1e3 * found[name].cpu_s / sizes.steps for name in ("bmm", "loop"))
    gflops = flops_per_step(task, sizes, hidden) / own / 1e6
    step = f"model step {shape}, batch {sizes.batch}"
    return [
        Figure(step, own, "ms", "loop over members, plain Adam", loop),
        Figure(
            f"{step}, rate",
            gflops,
            "GFLOP/s",
            "matrix product beside it",
            gflops_of(found["yardstick"]),
            "value / baseline",
            PEAK_SHARE,
        ),
    ]


def _batched(
    task: Task, data: TransitionData, sizes: ModelSizes, hidden: tuple[int, ...]
) -> Callable[[], object]:
    model = _model(task, sizes, hidden)
    fitter = EnsembleFitter(model, _LEARNING_RATE, sizes.batch, _generator())
    return lambda: fitter.fit(data, sizes.steps, lambda *_: None)


def _looped(
    task: Task, data: TransitionData, sizes: ModelSizes, hidden: tuple[int, ...]
) -> Callable[[], object]:
    plain = PlainEnsemble(_model(task, sizes, hidden), _LEARNING_RATE)
    generator = _generator()
    return lambda: plain.fit(data, sizes.steps, sizes.batch, generator)


def _model(task: Task, sizes: ModelSizes, hidden: tuple[int, ...]) -> DeterministicEnsemble:
    return DeterministicEnsemble(task, hidden, sizes.members, True, _generator())


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)
