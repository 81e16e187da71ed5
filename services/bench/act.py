"""Measures the robot's policy at batch one in NumPy against the same network in torch eager."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import Snapshot, build_snapshot, expected_shapes
from mbctl.tasks.task import Task
from services.bench.report import Figure, Goal

FASTER = Goal("at least", 3.0)
Act = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ActSizes:
    """The preset's policy and a large one."""

    hidden: tuple[tuple[int, ...], ...] = ((64, 64), (256, 256))
    calls: int = 2000  # in one block
    rounds: int = 5


def measure_act(task: Task, sizes: ActSizes) -> tuple[list[Figure], dict[str, float]]:
    """Median microseconds per call, in alternating blocks, NumPy in and out; and their p99."""
    figures: list[Figure] = []
    details: dict[str, float] = {}
    observation = np.zeros(len(task.observation_names), dtype=np.float32)
    for hidden in sizes.hidden:
        snapshot = random_policy(task, hidden)
        cases: dict[str, Act] = {"numpy": NumpyPolicy(snapshot).act, "torch": _eager(snapshot)}
        taken: dict[str, list[np.ndarray]] = {name: [] for name in cases}
        for _ in range(sizes.rounds):
            for name, act in cases.items():
                taken[name].append(_time_calls(act, observation, sizes.calls))
        p50, p99 = (
            {name: float(np.percentile(np.concatenate(t), q)) / 1e3 for name, t in taken.items()}
            for q in (50, 99)
        )
        name = f"policy at batch 1, {hidden}, p50"
        figures.append(Figure(name, p50["numpy"], "us", "torch eager", p50["torch"], goal=FASTER))
        details |= {f"policy {hidden} p99 us, {name}": value for name, value in p99.items()}
    return figures, details


def random_policy(
    task: Task, hidden: tuple[int, ...] = (64, 64), period_s: float | None = None
) -> Snapshot:
    """An untrained policy for `task`."""
    rng = np.random.default_rng(5)
    architecture = PolicyArchitecture(hidden=hidden)
    shapes = expected_shapes(architecture, len(task.observation_names), len(task.robot.joints))
    weights = {n: (0.1 * rng.standard_normal(s)).astype(np.float32) for n, s in shapes.items()}
    weights["input_scale"] = np.ones_like(weights["input_scale"])
    return build_snapshot(
        task, weights, version=1, algorithm="pal", architecture=architecture, period_s=period_s
    )


def _eager(snapshot: Snapshot) -> Act:
    weights = {name: torch.from_numpy(value) for name, value in snapshot.weights.items()}
    layers: list[nn.Module] = []
    for i in range(len(snapshot.manifest.policy.hidden) + 1):
        weight = weights[f"layers.{i}.weight"]
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": weight, "bias": weights[f"layers.{i}.bias"]})
        layers += [linear, nn.Tanh()]
    network = nn.Sequential(*layers[:-1])
    shift, scale = weights["input_shift"], weights["input_scale"]

    @torch.inference_mode()
    def act(observation: np.ndarray) -> np.ndarray:
        return network((torch.from_numpy(observation) - shift) / scale).numpy()

    return act


def _time_calls(act: Act, observation: np.ndarray, calls: int) -> np.ndarray:
    """Nanoseconds of each call, [calls], after a tenth as many that do not count."""
    for _ in range(max(1, calls // 10)):
        act(observation)
    taken = np.empty(calls, dtype=np.int64)
    for i in range(calls):
        begin = time.perf_counter_ns()
        act(observation)
        taken[i] = time.perf_counter_ns() - begin
    return taken
