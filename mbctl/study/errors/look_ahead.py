"""L(t) = E ||s_t^W - s_t^M||: how a model's error grows over the look-ahead.

Rajeswaran et al. 2020, appendix B.3. Both begin in the same state. Open loop: the policy acts in
the world, its actions are repeated in the model. Closed loop: it acts in each by what it sees
there. The policy is the mean one, so that the two differ by the model alone.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.algorithms.model_error import known_unit, moving_columns
from mbctl.config import ConfigError
from mbctl.episodes.actor import Actor
from mbctl.episodes.collect import evaluation_episode
from mbctl.episodes.environment import Environment
from mbctl.models.imagine import STATE_LIMIT
from mbctl.planners.dynamics import Dynamics
from mbctl.tasks.task import Task

MODES = ("open", "closed")
_TINY = 1e-6


@dataclass(frozen=True)
class Episodes:
    """Real episodes of one length.

    Attributes:
        physical: [N, T + 1, P].
        applied: [N, T, A].
        goal: [N, G].
    """

    physical: Float[Tensor, "N T1 P"]
    applied: Float[Tensor, "N T A"]
    goal: Float[Tensor, "N G"]


@dataclass(frozen=True)
class LookAhead:
    """Errors after 1..T steps, means over episodes and members.

    Attributes:
        state: [T] root mean square over the physical columns, each in units of its own standard
            deviation over the real episodes.
        column: [T] absolute error of the column that the caller named.
    """

    state: Float[Tensor, "T"]
    column: Float[Tensor, "T"]


class MeanPolicy(Protocol):
    """A policy as torch knows it, see `mbctl.policies.torch_policy`."""

    def canonical(self, observation: Tensor) -> tuple[Tensor, Tensor | None]: ...

    def mean(self, observation: Tensor) -> Tensor: ...

    def applied(self, action: Tensor, flipped: Tensor | None) -> Tensor: ...


def real_episodes(environment: Environment, actor: Actor, seed: int, count: int) -> Episodes:
    """`count` evaluation episodes of the mean policy; those that end early are not kept.

    Raises:
        ConfigError: all of them ended early.
    """
    task = environment.task
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for index in range(count):
        episode = evaluation_episode(environment, actor, seed, index)
        if episode.steps == task.episode_steps:
            kept.append((np.stack(episode.physicals), np.stack(episode.applied), episode.goal))
    if not kept:
        raise ConfigError(
            f"all {count} episodes of {task.name} ended before their {task.episode_steps} steps: "
            "there is no look-ahead of a whole one; choose later stages or more episodes"
        )
    parts = (
        torch.from_numpy(np.stack(part).astype(np.float32)) for part in zip(*kept, strict=True)
    )
    return Episodes(*parts)


@torch.no_grad()
def look_ahead(
    task: Task, model: Dynamics, policy: MeanPolicy, episodes: Episodes, mode: str, column: int
) -> LookAhead:
    """Roll every member from every episode's start; `mode` is one of MODES.

    Args:
        column: number of the physical column that is told apart.

    Raises:
        ConfigError: in these episodes nothing moves.
    """
    members, real = model.members, episodes.physical
    state = _spread(real[:, 0], members)
    goal = _spread(episodes.goal, members)
    last = torch.zeros(members, len(real), episodes.applied.shape[-1])
    moves = moving_columns(_steps(task, real), known_unit(model))
    if not bool(moves.any()):
        raise ConfigError(f"in the episodes of {task.name} no column moves: there is no look-ahead")
    scale = real.flatten(0, 1).std(dim=0) + _TINY
    errors: list[Tensor] = []
    for t in range(episodes.applied.shape[1]):
        if mode == "open":
            applied = _spread(episodes.applied[:, t], members)
        else:
            action = _mean_action(policy, task.observation(state, last, goal))
            applied, last = task.applied_action(state, action), action.clamp(-1, 1)
        state = model.predict(state, applied).clamp(-STATE_LIMIT, STATE_LIMIT)
        errors.append(task.physical_difference(state, _spread(real[:, t + 1], members)))
    error = torch.stack(errors)  # [T, E, N, P]
    relative = (error / scale)[..., moves].square().mean(dim=-1).sqrt()
    return LookAhead(relative.mean(dim=(1, 2)), error[..., column].abs().mean(dim=(1, 2)))


def _steps(task: Task, real: Tensor) -> Float[Tensor, "M P"]:
    """By how much each column changes in each step."""
    return task.physical_difference(real[:, 1:], real[:, :-1]).flatten(0, 1)


def _mean_action(policy: MeanPolicy, observation: Float[Tensor, "E N O"]) -> Float[Tensor, "E N A"]:
    canonical, flipped = policy.canonical(observation.flatten(0, 1))
    action = policy.applied(policy.mean(canonical), flipped)
    return action.reshape(*observation.shape[:2], -1)


def _spread(values: Tensor, members: int) -> Tensor:
    return values.expand(members, *values.shape)
