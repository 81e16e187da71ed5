"""Measures training of a probabilistic ensemble against a loop over its members."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mbctl.algorithms.branched.settings import MbpoSettings
from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.models.fit import TransitionData
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble, soft_clamp
from mbctl.tasks.task import Task
from services.bench import mbrl_lib
from services.bench.plain_ensemble import sequential_members
from services.bench.report import Figure, Goal
from services.bench.timing import time_interleaved
from services.bench.yardstick import gflops_of, yardstick_work


class PlainProbabilistic:
    """One nn.Sequential and one plain Adam per member, starting from `model`'s weights."""

    def __init__(self, model: ProbabilisticEnsemble, learning_rate: float) -> None:
        self._model = model
        self.members = sequential_members(model.network, nn.SiLU)
        self._optimizers = [
            torch.optim.Adam(member.parameters(), lr=learning_rate, foreach=False, fused=False)
            for member in self.members
        ]

    def fit(
        self, data: TransitionData, steps: int, batch: int, generator: torch.Generator
    ) -> list[float]:
        """Take `steps` steps; returns each member's loss in the last one."""
        model = self._model
        model.fit_statistics(data.physical, data.action, data.difference, None)
        inputs = model.normalise(model.inputs(data.physical, data.action))
        targets = model.standard_targets(data.difference, None)
        losses = [0.0] * len(self.members)
        for _ in range(steps):
            for number in range(len(self.members)):
                rows = torch.randperm(len(inputs), generator=generator)[:batch]
                losses[number] = self._step(number, inputs[rows], targets[rows])
        return losses

    def _step(self, number: int, inputs: Tensor, targets: Tensor) -> float:
        model = self._model
        mean, raw = self.members[number](inputs).chunk(2, dim=-1)
        low, high = model.min_log_variance.detach(), model.max_log_variance.detach()
        log_variance = soft_clamp(raw, low, high)
        loss = gaussian_nll(mean[None], log_variance[None], targets[None])[0]
        self._optimizers[number].zero_grad()
        loss.backward()
        self._optimizers[number].step()
        return float(loss.detach())


PEAK_SHARE = Goal("at least", 0.65)
FASTER = Goal("at least", 1.15)
_LEARNING_RATE = 1e-3
_COMPARED = 5  # steps
_PASSES = 3  # forward, gradient of weights, gradient of inputs


@dataclass(frozen=True)
class ProbabilisticSizes:
    """The papers' network."""

    hidden: tuple[int, ...] = (200, 200, 200, 200)
    members: int = 7
    batch: int = 256
    steps: int = 40  # in one measurement
    rounds: int = 5


def measure_probabilistic_step(
    task: Task, data: TransitionData, sizes: ProbabilisticSizes
) -> tuple[list[Figure], dict[str, float]]:
    """Figures, and how far apart the losses of both ways end."""
    cases = {
        "bmm": _batched(task, data, sizes),
        "loop": _looped(task, data, sizes),
        "yardstick": yardstick_work(),
    }
    if mbrl_lib.is_installed():
        cases["mbrl-lib"] = _of_mbrl_lib(task, data, sizes)
    found = time_interleaved(cases, sizes.rounds)
    own, loop = (1e3 * found[name].cpu_s / sizes.steps for name in ("bmm", "loop"))
    name = f"NLL model step {sizes.members}x{sizes.hidden} SiLU, batch {sizes.batch}"
    gflops = flops_per_step(task, sizes) / own / 1e6
    peak = gflops_of(found["yardstick"])
    rate = "value / baseline"
    figures = [
        Figure(name, own, "ms", "loop over members, plain Adam", loop, goal=FASTER),
        Figure(
            f"{name}, rate", gflops, "GFLOP/s", "matrix product beside it", peak, rate, PEAK_SHARE
        ),
    ]
    if "mbrl-lib" in found:
        theirs = 1e3 * found["mbrl-lib"].cpu_s / sizes.steps
        figures.append(Figure(name, own, "ms", "mbrl-lib", theirs))
    return figures, {"nll_model_loss_difference": loss_difference(task, data, sizes)}


def flops_per_step(task: Task, sizes: ProbabilisticSizes) -> int:
    """3 passes x 2 x multiplications by a weight x rows, as in services.bench.model_step."""
    weights = _model(task, sizes).network.weights
    return _PASSES * 2 * sum(weight.numel() for weight in weights) * sizes.batch


def loss_difference(task: Task, data: TransitionData, sizes: ProbabilisticSizes) -> float:
    """Relative difference of the losses after a few steps on the same rows: rounding."""
    rows = TransitionData(*(part[: sizes.batch] for part in vars(data).values()))
    fitter = _fitter(_model(task, sizes), sizes, whole=True)
    plain = PlainProbabilistic(_model(task, sizes), _LEARNING_RATE)
    own = looped = 0.0
    for _ in range(_COMPARED):
        own = fitter.fit(rows, None, lambda *_: None).loss
        looped = sum(plain.fit(rows, 1, sizes.batch, _generator())) / sizes.members
    return abs(looped - own) / abs(own)


def _batched(task: Task, data: TransitionData, sizes: ProbabilisticSizes) -> Callable[[], object]:
    fitter = _fitter(_model(task, sizes), sizes, whole=False)
    return lambda: fitter.fit(data, None, lambda *_: None)


def _looped(task: Task, data: TransitionData, sizes: ProbabilisticSizes) -> Callable[[], object]:
    plain = PlainProbabilistic(_model(task, sizes), _LEARNING_RATE)
    generator = _generator()
    return lambda: plain.fit(data, sizes.steps, sizes.batch, generator)


def _of_mbrl_lib(
    task: Task, data: TransitionData, sizes: ProbabilisticSizes
) -> Callable[[], object]:
    """Its ensemble on the same rows; all hidden layers are of the first one's width."""
    model = _model(task, sizes)
    model.fit_statistics(data.physical, data.action, data.difference, None)
    inputs = model.normalise(model.inputs(data.physical, data.action))
    targets = model.standard_targets(data.difference, None)
    network = {"hidden": sizes.hidden[0], "layers": len(sizes.hidden), "members": sizes.members}
    return mbrl_lib.training(inputs, targets, **network, batch=sizes.batch, steps=sizes.steps)


def _fitter(
    model: ProbabilisticEnsemble, sizes: ProbabilisticSizes, *, whole: bool
) -> ProbabilisticFitter:
    """Never stops early. `whole`: one step, whose mini-batch is all rows."""
    settings = MbpoSettings.model_validate(
        {
            "model_hidden": sizes.hidden,
            "model_weight_decay": (),
            "model_learning_rate": _LEARNING_RATE,
            "model_batch": sizes.batch,
            "model_bootstrap": not whole,
            "model_holdout": 0.0 if whole else 0.05,
            "model_patience": 10_000,
            "model_steps_max": 1 if whole else sizes.steps,
        }
    )
    return ProbabilisticFitter(model, settings, gaussian_nll, _generator())


def _model(task: Task, sizes: ProbabilisticSizes) -> ProbabilisticEnsemble:
    return ProbabilisticEnsemble(
        task, sizes.hidden, sizes.members, sizes.members, True, False, "silu", _generator(), False
    )


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)
