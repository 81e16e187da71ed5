"""Imagined rollouts: a policy in a dynamics ensemble, with the task's own reward, no gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.nn.device import randn_like
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.task import Task

STATE_LIMIT = 100.0  # magnitude past which an imagined state is held, as in the authors' code


@dataclass(frozen=True)
class Starts:
    """Where rollouts begin.

    Attributes:
        physical: [N, P].
        last_action: [N, A].
        goal: [N, G].
        step: [N] steps of the episode that lie behind.
    """

    physical: Float[Tensor, "N P"]
    last_action: Float[Tensor, "N A"]
    goal: Float[Tensor, "N G"]
    step: Float[Tensor, "N"]


@dataclass(frozen=True)
class Rollouts:
    """R = E * N rollouts of H steps; row (e, n) starts at n in member e.

    Attributes:
        observation: [H + 1, R, O] as the policy's network sees it; the last is the one arrived in.
        action: [H, R, A] as sampled, in the network's view, not clipped.
        reward: [H, R].
        alive: [H, R] 1 while the step was really taken, 0 after termination or the episode's end.
        terminated: [H, R] 1 where the step ended in termination.
        step: [H + 1, R] episode steps behind each observation.
        success: [R] at the last alive step.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    alive: Tensor
    terminated: Tensor
    step: Tensor
    success: Tensor


@torch.no_grad()
def imagine(
    task: Task,
    model: DeterministicEnsemble,
    policy: GaussianPolicy,
    starts: Starts,
    horizon: int,
    reward: Callable[[Tensor, Tensor], Tensor],
    noise: float,
    generator: torch.Generator,
) -> Rollouts:
    """Roll the policy from every start in every member.

    `reward` maps the physical state arrived in and the goal to [...] rewards; what the applied
    action costs is taken off. The model is asked with the action that the robot would apply; the
    policy is credited with the one it sampled. `noise` times the model's error on unseen rows is
    added to each step as Gaussian noise, so that a policy cannot live off details that the model
    does not know.
    """
    members = model.members
    physical = starts.physical.expand(members, *starts.physical.shape)
    last_action = starts.last_action.expand(members, *starts.last_action.shape)
    goal = starts.goal.expand(members, *starts.goal.shape)
    step = starts.step.repeat(members)
    alive = torch.ones_like(step)
    success = torch.zeros_like(step)
    kept: list[list[Tensor]] = [[], [], [], [], [], []]
    std = torch.exp(policy.log_std)
    for _ in range(horizon):
        seen = task.observation(physical, last_action, goal).flatten(0, 1)
        observation, flipped = policy.canonical(seen)
        mean = policy.mean(observation)
        action = mean + std * randn_like(mean, generator)
        shaped = policy.applied(action, flipped).reshape(members, -1, action.shape[-1])
        applied = task.applied_action(physical, shaped)
        after = model.predict(physical, applied)
        if noise > 0:
            disturbance = randn_like(after, generator)
            after = after + noise * model.residual_scale * disturbance
        after = after.clamp(-STATE_LIMIT, STATE_LIMIT)
        ended = task.terminated(after).flatten().to(step.dtype)
        gained = (reward(after, goal) - task.action_cost(applied)).flatten()
        reached = task.success(after, goal).flatten().to(step.dtype)
        success = torch.where(alive > 0, reached, success)
        for store, value in zip(
            kept, (observation, action, gained, alive, ended * alive, step), strict=True
        ):
            store.append(value)
        step = step + alive
        alive = alive * (1 - ended) * (step < task.episode_steps)
        physical, last_action = after, shaped.clamp(-1, 1)
    kept[0].append(policy.canonical(task.observation(physical, last_action, goal).flatten(0, 1))[0])
    kept[5].append(step)
    observations, actions, rewards, alives, ends, steps = (torch.stack(k) for k in kept)
    return Rollouts(observations, actions, rewards, alives, ends, steps, success)
