"""Measures a plan of CEM and iCEM against one that loops over members, and the yardstick."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import TransitionData
from mbctl.models.imagine import STATE_LIMIT
from mbctl.nn.ensemble_mlp import Activation, EnsembleMLP
from mbctl.planners.objective import Scores, SequenceObjective
from mbctl.planners.search import SamplingPlanner, build_planner
from mbctl.planners.settings import CemSettings, IcemSettings
from mbctl.tasks.task import Task
from services.bench import mbrl_lib
from services.bench.plain_ensemble import sequential_members
from services.bench.report import Figure, Goal
from services.bench.timing import Timing, time_interleaved
from services.bench.yardstick import gflops_of, yardstick_work

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}


class PlainObjective(SequenceObjective):
    """Scores sequences of actions in a loop over members.

    Args:
        task: rewards and limits.
        model: its weights are copied into a network per member.
    """

    def __init__(self, task: Task, model: DeterministicEnsemble) -> None:
        super().__init__(task, model, task.objective)
        self._whole_task = task
        self._units = model
        activation = ACTIVATIONS[model.network.activation]
        self._members: Sequence[nn.Module] = sequential_members(model.network, activation)

    @torch.no_grad()
    def score(self, physical: Tensor, goal: Tensor, actions: Tensor) -> Scores:
        returns = torch.stack([self._returns(m, physical, goal, actions) for m in self._members])
        mean = returns.mean(dim=0)
        apart = returns.std(dim=0, correction=0)
        return Scores(torch.where(mean.isfinite(), mean, -torch.inf), mean, apart)

    def _returns(
        self, member: nn.Module, physical: Tensor, goal: Tensor, actions: Tensor
    ) -> Tensor:
        task, model = self._whole_task, self._units
        state, aim = physical.expand(actions.shape[1], -1), goal.expand(actions.shape[1], -1)
        alive = torch.ones(len(state), dtype=torch.bool)
        total = torch.zeros(len(state))
        for asked in actions:
            applied = task.applied_action(state, asked)
            inputs = model.normalise(model.inputs(state, applied))
            after = state + model.difference_scale * member(inputs)
            state = after.clamp(-STATE_LIMIT, STATE_LIMIT)
            gained = self.reward(state, aim) - task.action_cost(applied)
            total += torch.where(alive, gained, 0.0)
            alive = alive & ~task.terminated(state)
        return total


PERIOD_SHARE_MS = 80.0  # 80 % of a 100 ms control period
IN_TIME = Goal("at least", 1.0)
ON_TWO_THREADS = Goal("at least", 1.5)  # where both have a core
_SEED = 5


@dataclass(frozen=True)
class Network:
    """An ensemble to plan in.

    Attributes:
        peak_share: of the yardstick's rate, which CEM is to reach.
        in_time: a whole plan is to be made within PERIOD_SHARE_MS.
    """

    members: int
    hidden: tuple[int, ...]
    activation: Activation
    peak_share: float
    in_time: bool = False

    @property
    def name(self) -> str:
        return f"{self.members}x{self.hidden} {self.activation}"


@dataclass(frozen=True)
class PlanningSizes:
    """The papers' networks; population, horizon and iterations of a usual CEM."""

    networks: tuple[Network, ...] = (
        Network(7, (200, 200, 200, 200), "silu", 0.6, in_time=True),
        Network(4, (512, 512), "relu", 0.7),
    )
    population: int = 500
    horizon: int = 15
    iterations: int = 4
    rounds: int = 3


def measure_planning(
    task: Task, data: TransitionData, sizes: PlanningSizes
) -> tuple[list[Figure], dict[str, float]]:
    """Figures for each network, and how far apart the values of both ways are."""
    figures: list[Figure] = []
    details: dict[str, float] = {}
    for network in sizes.networks:
        figures += _measure(task, data, network, sizes)
        details |= anytime(task, data, network, sizes)
        differs = value_difference(task, data, network, sizes)
        details[f"plan_value_difference {network.name}"] = differs
    return figures, details


def anytime(
    task: Task, data: TransitionData, network: Network, sizes: PlanningSizes
) -> dict[str, float]:
    """What becomes of a CEM plan that has a deadline: rounds of search, and wall time."""
    planner = _planner(task, planned_model(task, data, network), sizes, "cem")
    start = _start(task, data)
    planner.plan(*start)  # it learns how long a round takes
    began = time.monotonic_ns()
    plan = planner.plan(*start, began + int(1e6 * PERIOD_SHARE_MS))
    taken = 1e-6 * (time.monotonic_ns() - began)
    label = f"by a deadline of {PERIOD_SHARE_MS:g} ms, {network.name}"
    return {f"rounds {label}": float(plan.iterations), f"plan_ms {label}": taken}


def flops_per_plan(model: DeterministicEnsemble, candidates: int, horizon: int) -> int:
    """2 x multiplications by a weight x rows that go through them."""
    return 2 * sum(weight.numel() for weight in model.network.weights) * candidates * horizon


def value_difference(
    task: Task, data: TransitionData, network: Network, sizes: PlanningSizes
) -> float:
    """Relative difference of the values of the first sequences both ways score: rounding."""
    model = planned_model(task, data, network)
    generator = torch.Generator().manual_seed(_SEED)
    actions = torch.rand((sizes.horizon, 50, len(task.robot.joints)), generator=generator) * 2 - 1
    own = _planner(task, model, sizes, "cem").objective
    scores = [o.score(data.physical[0], _goal(task), actions) for o in (own, _plain(task, model))]
    return float((scores[0].value - scores[1].value).norm() / scores[0].value.norm())


def planned_model(task: Task, data: TransitionData, network: Network) -> DeterministicEnsemble:
    """An untrained model in the units of `data`; always the same one."""
    generator = torch.Generator().manual_seed(_SEED)
    model = DeterministicEnsemble(task, network.hidden, network.members, True, generator)
    sizes = [weight.shape[1] for weight in model.network.weights]
    widths = (*sizes, len(task.physical_names))
    model.network = EnsembleMLP(network.members, widths, generator, activation=network.activation)
    model.fit_statistics(data.physical, data.action, data.difference)
    return model


def _measure(
    task: Task, data: TransitionData, network: Network, sizes: PlanningSizes
) -> list[Figure]:
    model = planned_model(task, data, network)
    cases: dict[str, Callable[[], object]] = {"yardstick": yardstick_work()}
    for method in ("cem", "icem"):
        planner = _planner(task, model, sizes, method)
        plain = _planner(task, model, sizes, method)
        plain.objective = _plain(task, model)
        cases[method] = _plan_anew(task, data, planner)
        cases[f"plain {method}"] = _plan_anew(task, data, plain)
        dealt = _planner(task, model, sizes, method, members_per_sequence=1)
        cases[f"dealt {method}"] = _plan_anew(task, data, dealt)
    cases["two threads"] = _plan_anew(task, data, _planner(task, model, sizes, "cem", threads=2))
    if mbrl_lib.is_installed() and network.activation == "silu":
        cases["mbrl-lib"] = _of_mbrl_lib(task, data, network, sizes)
    found = time_interleaved(cases, sizes.rounds)
    counted = _planner(task, model, sizes, "cem")
    candidates = counted.plan(*_start(task, data)).candidates
    work = flops_per_plan(model, candidates, sizes.horizon)
    return _figures(network, sizes, found, work)


def _figures(
    network: Network, sizes: PlanningSizes, found: dict[str, Timing], work: int
) -> list[Figure]:
    shape = f"{sizes.population} x {sizes.horizon} x {sizes.iterations}, {network.name}"
    taken = {name: 1e3 * timing.cpu_s for name, timing in found.items()}
    figures = [
        Figure(
            f"{m.upper()} plan {shape}", taken[m], "ms", "loop over members", taken[f"plain {m}"]
        )
        for m in ("cem", "icem")
    ]
    rate, peak = work / found["cem"].cpu_s / 1e9, gflops_of(found["yardstick"])
    in_time = IN_TIME if network.in_time else None
    beside, share = "matrix product beside it", Goal("at least", network.peak_share)
    name = f"CEM plan {shape}"
    alone, together = (1e3 * found[case].wall_s for case in ("cem", "two threads"))
    on_two = f"{name}, wall time on two threads"
    figures += [
        Figure(
            f"{m.upper()} plan {shape}, a sequence in one member each",
            taken[f"dealt {m}"],
            "ms",
            "80 % of a 100 ms period",
            PERIOD_SHARE_MS,
            goal=in_time,
        )
        for m in ("cem", "icem")
    ]
    figures += [
        Figure(f"{name}, rate", rate, "GFLOP/s", beside, peak, "value / baseline", share),
        Figure(name, taken["cem"], "ms", "80 % of a 100 ms period", PERIOD_SHARE_MS, goal=in_time),
        Figure(name, taken["cem"], "ms", "its products at the yardstick", 1e-6 * work / peak),
        Figure(on_two, together, "ms", "on one", alone, goal=ON_TWO_THREADS),
    ]
    if "mbrl-lib" in found:
        theirs = 1e3 * found["mbrl-lib"].cpu_s
        figures.append(Figure(name, taken["cem"], "ms", "mbrl-lib, without geometry", theirs))
    return figures


def _of_mbrl_lib(
    task: Task, data: TransitionData, network: Network, sizes: PlanningSizes
) -> Callable[[], object]:
    """Its CEM; all hidden layers are of the first one's width."""
    return mbrl_lib.plan(
        task,
        data.physical[0].numpy(),
        _goal(task),
        hidden=network.hidden[0],
        layers=len(network.hidden),
        members=network.members,
        population=sizes.population,
        horizon=sizes.horizon,
        iterations=sizes.iterations,
    )


def _planner(
    task: Task,
    model: DeterministicEnsemble,
    sizes: PlanningSizes,
    method: str,
    threads: int = 1,
    members_per_sequence: int = 0,
) -> SamplingPlanner:
    chosen = {
        "population": sizes.population,
        "horizon": sizes.horizon,
        "iterations": sizes.iterations,
        "elites": max(1, sizes.population // 10),
        "members_per_sequence": members_per_sequence,
    }
    kind = CemSettings if method == "cem" else IcemSettings
    return build_planner(task, model, kind.model_validate(chosen), _SEED, threads=threads)


def _plain(task: Task, model: DeterministicEnsemble) -> PlainObjective:
    return PlainObjective(task, model)


def _plan_anew(task: Task, data: TransitionData, planner: SamplingPlanner) -> Callable[[], object]:
    """The same plan each time."""
    start = _start(task, data)

    def work() -> None:
        planner.restart(_SEED)
        planner.plan(*start)

    return work


def _start(task: Task, data: TransitionData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return data.physical[0].numpy(), np.zeros(len(task.robot.joints)), _goal(task).numpy()


def _goal(task: Task) -> torch.Tensor:
    return torch.from_numpy(task.sample_goal(np.random.default_rng(0)).astype(np.float32))
