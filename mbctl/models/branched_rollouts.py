"""Short imagined rollouts that branch off real states (Janner et al. 2019, Algorithm 2, lines 6-8).

They come as rows of the replay's own layout, so that an ordinary `Replay` holds D_model.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from mbctl.data.layout import RowLayout, Rows
from mbctl.models.imagine import STATE_LIMIT, Starts
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.tasks.task import Task


def thresholded_linear(at: float, begin: float, end: float, first: float, last: float) -> float:
    """Table 1 of the paper: x -> y over epochs a -> b, min(max(x + (e - a)/(b - a) (y - x), x), y).

    Also for y < x. Where `begin` is `end` the value changes at once.
    """
    if at >= end:
        return last
    if at <= begin:
        return first
    return first + (at - begin) / (end - begin) * (last - first)


@torch.no_grad()
def branch(
    task: Task,
    model: ProbabilisticEnsemble,
    act: Callable[[Tensor], Tensor],
    starts: Starts,
    horizon: int,
    *,
    learned_reward: bool,
    generator: torch.Generator,
) -> Rows:
    """Roll `act` for up to `horizon` steps from each start; each step in an elite of its own.

    The model is asked with the action that the robot would apply, and rows hold that one. A rollout
    ends for good where the task says so: its later steps are left out. An episode's time limit is
    no end and is not looked at.

    Args:
        act: observations [B, O] to requested actions [B, A], both in the robot's view.
        learned_reward: rows get the model's reward, in place of the task's own.

    Returns:
        Rows [n, width], first steps first; n is at most `horizon` times the number of starts.

    Raises:
        ValueError: the reward is to be the model's, which does not learn it.
    """
    if learned_reward and not model.learned_reward:
        raise ValueError("the model does not learn the reward; use the task's own")
    layout = RowLayout(task.observation_names, task.robot.joint_names)
    physical, goal = starts.physical, starts.goal
    observation = task.observation(physical, starts.last_action, goal)
    kept: list[Tensor] = []
    for _ in range(horizon):
        requested = act(observation)
        applied = task.applied_action(physical, requested)
        step = model.sample(physical, applied, generator)
        after = step.next_physical.clamp(-STATE_LIMIT, STATE_LIMIT)
        reward = step.reward if learned_reward else None
        if reward is None:
            reward = task.reward(after, goal) - task.action_cost(applied)
        arrived = task.observation(after, requested.clamp(-1, 1), goal)
        ended = task.terminated(after)
        kept.append(_rows(layout, observation, applied, reward, arrived, ended))
        going = ~ended
        if not bool(going.any()):
            break
        physical, goal, observation = after[going], goal[going], arrived[going]
    return torch.cat(kept).cpu().numpy()


def _rows(
    layout: RowLayout, before: Tensor, applied: Tensor, reward: Tensor, after: Tensor, ended: Tensor
) -> Tensor:
    """Valid rows, none of them cut short by a time limit."""
    rows = torch.zeros(len(after), layout.width, device=after.device)
    rows[:, layout.observation], rows[:, layout.next_observation] = before, after
    rows[:, layout.action], rows[:, layout.reward] = applied, reward
    rows[:, layout.terminated], rows[:, layout.valid] = ended.to(rows.dtype), 1.0
    return rows
