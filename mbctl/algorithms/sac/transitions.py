"""Mini-batches of real transitions for off-policy learning: drawn, relabelled, mirrored.

And how many gradient steps rows are due, however they are divided into refits.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.algorithms.model_data import replay_rows
from mbctl.algorithms.sac.settings import ActorCriticSettings
from mbctl.data.replay import Replay
from mbctl.nn.device import CPU
from mbctl.tasks.reflection import Reflection
from mbctl.tasks.task import Task


@dataclass(frozen=True)
class Transitions:
    """B transitions as a policy's network sees them.

    Attributes:
        action: as applied on the robot, after its limits.
        terminated: 1 where the episode ended for good; a time limit is no such end.
    """

    observation: Float[Tensor, "B O"]
    action: Float[Tensor, "B A"]
    reward: Float[Tensor, "B"]
    next_observation: Float[Tensor, "B O"]
    terminated: Float[Tensor, "B"]


class TransitionSource:
    """Draws from a replay, which must not grow meanwhile.

    Args:
        reflection: show transitions in the mirror image where it says so; None shows them as
            they are.
        device: where transitions are to be. The rows are moved there at once: a batch then costs no
            wait, where one that is drawn there and gathered here would cost two.

    Attributes:
        rows: all rows, on the device.
    """

    def __init__(
        self,
        task: Task,
        replay: Replay,
        settings: ActorCriticSettings,
        reflection: Reflection | None,
        device: torch.device = CPU,
    ) -> None:
        self._task = task
        self._layout = replay.layout
        self.rows = replay_rows(replay, device)
        self._settings = settings
        self._reflection = reflection
        self._reward = task.reward if settings.reward == "task" else task.objective

    def draw(self, count: int, generator: torch.Generator) -> Transitions:
        """`count` transitions, evenly and with replacement."""
        layout, settings = self._layout, self._settings
        stored, device = self.rows, self.rows.device
        rows = stored[torch.randint(len(stored), (count,), generator=generator, device=device)]
        before, after = rows[:, layout.observation], rows[:, layout.next_observation]
        action, reward = rows[:, layout.action], rows[:, layout.reward]
        changed = round(settings.relabelled * count)
        if changed:
            before, after = self._with_other_goals(before, after, changed)
        if changed or settings.reward != "task":
            reward = self._reward(self._task.physical(after), self._task.goal(after))
            reward = reward - self._task.action_cost(action)
        terminated = rows[:, layout.terminated]
        scaled = settings.reward_scale * reward
        return self._mirrored(Transitions(before, action, scaled, after, terminated))

    def _with_other_goals(
        self, before: Tensor, after: Tensor, changed: int
    ) -> tuple[Tensor, Tensor]:
        """The first `changed` rows under the goal of their neighbour, itself drawn at random."""
        task = self._task
        goals = task.goal(before).roll(1, dims=0)[:changed]

        def under(observation: Tensor) -> Tensor:
            kept = observation[:changed]
            new = task.observation(task.physical(kept), task.last_action(kept), goals)
            return torch.cat([new, observation[changed:]])

        return under(before), under(after)

    def _mirrored(self, drawn: Transitions) -> Transitions:
        mirror = self._reflection
        if mirror is None:
            return drawn
        now, then = mirror.flipped(drawn.observation), mirror.flipped(drawn.next_observation)
        return Transitions(
            mirror.observation(drawn.observation, now),
            mirror.action(drawn.action, now),
            drawn.reward,
            mirror.observation(drawn.next_observation, then),
            drawn.terminated,
        )


def updates_due(rate: float, rows_per_refit: int, before: int, rows: int) -> int:
    """Gradient steps from `before` to `rows` rows; without new rows, those of one refit.

    Args:
        rate: gradient steps for each row.
        rows_per_refit: what a refit on demand without new rows stands for.
        before, rows: rows that had ever come, then and now.
    """
    if rows == before:
        return max(1, int(rate * rows_per_refit))
    return int(rate * rows) - int(rate * before)


def updates_due_after_first_rows(rate: float, rows_per_refit: int, before: int, rows: int) -> int:
    """The same, but the first rows, which fit the first model, are due those of one refit."""
    return updates_due(rate, rows_per_refit, before or rows, rows)
