"""Measures one step of imagined rollouts against the same rollouts one member at a time."""

from dataclasses import dataclass

import numpy as np
import torch

from mbctl.algorithms.game.settings import PalSettings
from mbctl.algorithms.model_data import draw_starts, transition_data
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.imagine import Starts, imagine
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.task import Task
from services.bench.report import Figure
from services.bench.timing import time_interleaved


@dataclass(frozen=True)
class RolloutSizes:
    """The preset's: 200 starts, each in every member."""

    starts: int = 200
    members: int = 4
    hidden: tuple[int, ...] = (256, 256)
    horizon: int = 40
    rounds: int = 7


def measure_rollout(task: Task, replay: Replay, sizes: RolloutSizes) -> list[Figure]:
    """Milliseconds per step of all rollouts."""
    settings = PalSettings.model_validate({"rollouts": sizes.starts})
    starts = draw_starts(task, replay, settings, _generator(), np.random.default_rng(0))
    data = transition_data(task, replay, settings)
    whole = DeterministicEnsemble(task, sizes.hidden, sizes.members, True, _generator())
    whole.fit_statistics(data.physical, data.action, data.difference)
    alone = [_single(task, whole, number) for number in range(sizes.members)]
    policy = GaussianPolicy(
        len(task.observation_names),
        len(task.robot.joints),
        settings.policy_hidden,
        -1.0,
        -3.0,
        task.reflection,
        _generator(),
    )
    cases = {
        "together": lambda: _roll(task, whole, policy, starts, sizes),
        "alone": lambda: [_roll(task, model, policy, starts, sizes) for model in alone],
    }
    found = time_interleaved(cases, sizes.rounds)
    own, other = (1e3 * found[name].cpu_s / sizes.horizon for name in cases)
    rows = sizes.starts * sizes.members
    name = f"imagined rollout step, {rows} rows, {sizes.members}x{sizes.hidden}"
    return [Figure(name, own, "ms", "one member at a time", other)]


def _roll(
    task: Task,
    model: DeterministicEnsemble,
    policy: GaussianPolicy,
    starts: Starts,
    sizes: RolloutSizes,
) -> None:
    imagine(task, model, policy, starts, sizes.horizon, task.objective, 0.0, _generator())


def _single(task: Task, whole: DeterministicEnsemble, number: int) -> DeterministicEnsemble:
    """Member `number` of `whole` as an ensemble of one."""
    hidden = tuple(bias.shape[-1] for bias in list(whole.network.biases)[:-1])
    single = DeterministicEnsemble(task, hidden, 1, True, _generator())
    with torch.no_grad():
        for mine, its in zip(single.network.parameters(), whole.network.parameters(), strict=True):
            mine.copy_(its[number : number + 1])
        for name, unit in single.named_buffers():
            unit.copy_(whole.get_buffer(name))
    return single


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(4)
