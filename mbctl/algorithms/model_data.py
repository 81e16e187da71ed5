"""From replay rows to model-training tuples and to the starts of imagined rollouts."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from mbctl.data.replay import Replay
from mbctl.models.fit import TransitionData
from mbctl.models.imagine import Starts
from mbctl.nn.device import CPU
from mbctl.tasks.task import Task


@runtime_checkable
class DataSettings(Protocol):
    """The settings that these functions read."""

    @property
    def recency_half_life(self) -> int: ...
    @property
    def symmetry(self) -> bool: ...
    @property
    def rollouts(self) -> int: ...
    @property
    def intermediate_fraction(self) -> float: ...
    @property
    def fresh_goals(self) -> bool: ...


def replay_rows(replay: Replay, device: torch.device, newest: int | None = None) -> Tensor:
    """The newest rows, by default all that are kept; on the CPU the replay's own memory."""
    first = 0 if newest is None else max(0, len(replay) - newest)
    return torch.from_numpy(replay.rows[first:]).to(device)


def transition_data(
    task: Task,
    replay: Replay,
    settings: DataSettings,
    newest: int | None = None,
    device: torch.device = CPU,
) -> TransitionData:
    """Kept rows as (physical, applied action, difference), with their images if asked for.

    `newest` leaves out all but so many of the newest rows.
    """
    layout = replay.layout
    rows = replay_rows(replay, device, newest)
    before = task.physical(rows[:, layout.observation])
    after = task.physical(rows[:, layout.next_observation])
    action = rows[:, layout.action]
    weight = torch.ones(len(rows), device=device)
    if settings.recency_half_life:
        age = torch.arange(len(rows) - 1, -1, -1, dtype=torch.float32, device=device)
        weight = torch.pow(0.5, age / settings.recency_half_life)
    physicals, actions, differences = [], [], []
    for symmetry in range(task.symmetries if settings.symmetry else 1):
        physical, turned = task.transform(before, action, symmetry)
        arrived, _ = task.transform(after, action, symmetry)
        physicals.append(physical)
        actions.append(turned)
        differences.append(task.physical_difference(arrived, physical))
    images = len(physicals)
    return TransitionData(
        torch.cat(physicals), torch.cat(actions), torch.cat(differences), weight.repeat(images)
    )


def draw_starts(
    task: Task,
    replay: Replay,
    settings: DataSettings,
    generator: torch.Generator,
    rng: np.random.Generator,
) -> Starts:
    """Draw rollout starts from real episodes: their first states, or any state in between.

    Only the rows that are drawn are moved to the device of `generator`.
    """
    device = generator.device
    rows = torch.from_numpy(replay.rows)
    steps = torch.from_numpy(replay.steps)
    layout = replay.layout
    inside = round(settings.intermediate_fraction * settings.rollouts)
    firsts = torch.nonzero(steps == 0)[:, 0]
    if len(firsts) == 0:  # the buffer holds no whole episode
        firsts = torch.arange(len(rows), device=rows.device)
    index = torch.cat(
        [
            firsts[_draw(len(firsts), settings.rollouts - inside, generator)],
            _draw(len(rows), inside, generator),
        ]
    )
    observation = rows[index][:, layout.observation].to(device)
    goal = task.goal(observation)
    if settings.fresh_goals:
        drawn = np.stack([task.sample_goal(rng) for _ in range(settings.rollouts)])
        goal = torch.from_numpy(drawn).to(device, observation.dtype)
    return Starts(
        task.physical(observation),
        task.last_action(observation),
        goal,
        steps[index].to(device, observation.dtype),
    )


def _draw(size: int, count: int, generator: torch.Generator) -> Tensor:
    """Numbers below `size`, on the CPU, where the rows are."""
    return torch.randint(size, (count,), generator=generator, device=generator.device).cpu()
