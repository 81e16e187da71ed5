"""A planner as a robot uses it: while one action is carried out, it plans what follows.

A plan made for the state of now would come when the state is another. So the state after the action
that is under way is predicted first, and planned from: row 0 of a plan is for the next step.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mbctl.models.imagine import STATE_LIMIT
from mbctl.models.mean_ensemble import MeanEnsemble
from mbctl.planners.dynamics import Dynamics
from mbctl.planners.follow import Actions, PlanFollower, explored
from mbctl.planners.planner import Plan, PlanError, Planner, Vector
from mbctl.planners.proposal import GaussianPrior, SquashedPrior
from mbctl.planners.search import build_planner
from mbctl.planners.settings import search_settings
from mbctl.planners.terminal_value import TwinQValue, twin_q_of
from mbctl.policies.bundle import Snapshot
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.planner_architecture import PlannerArchitecture
from mbctl.policies.torch_policy import torch_policy
from mbctl.tasks.task import Task


class PlanningAgent:
    """Model, planner and the policy that acts where there is no plan.

    `plan_next` is for those who plan beside the robot; `act` is for those who step a world in turn
    with it, and does what the control loop does.

    Args:
        task: applies actions and composes observations.
        model: what the planner plans in.
        planner: seeded at each episode's beginning.
        policy: acts at an episode's first step, and where no plan can be made.
        settings: noise, and how long a plan is followed.
    """

    def __init__(
        self,
        task: Task,
        model: Dynamics,
        planner: Planner,
        policy: NumpyPolicy,
        settings: PlannerArchitecture,
    ) -> None:
        self.task = task
        self.model = model
        self.planner = planner
        self.policy = policy
        self.settings = settings
        self._follower = PlanFollower(settings.shift_steps_max)
        self._step = 0
        self._planned = -1  # the step that the newest plan is for

    def begin(self, seed: int) -> None:
        """An episode begins; all that its plans draw comes from `seed`."""
        self.planner.restart(seed)
        self._follower.begin()
        self._step, self._planned = 0, -1

    def plan_next(
        self,
        physical: Vector,
        goal: Vector,
        action_now: Vector,
        deadline_ns: int | None = None,
        *,
        applied: Vector | None = None,
        steps: int = 1,
    ) -> Plan:
        """A plan from the state after `action_now`, in the mean over the members.

        Args:
            physical: [P], where the robot is.
            goal: [G].
            action_now: [A], what is requested at this step, which is the next one's last action.
            deadline_ns: when the plan is to be there (CLOCK_MONOTONIC).
            applied: [A], what was sent for it; None: what the task makes of the request.
            steps: control steps since the last call.

        Raises:
            ValueError: an argument has the wrong length or is not finite.
            PlanError: there is no telling what follows.
        """
        after = self._predicted(_tensor(physical), _tensor(action_now), applied)
        if not np.isfinite(after).all():
            raise PlanError(
                f"the model leads from physical {list(physical)} with action {list(action_now)} "
                f"to {after.tolist()}: its weights are broken, or the state is far from its data"
            )
        last_action = np.clip(np.asarray(action_now, dtype=np.float32), -1, 1)
        return self.planner.plan(after, last_action, goal, deadline_ns, steps)

    def act(
        self,
        physical: Vector,
        last_action: Vector,
        goal: Vector,
        rng: np.random.Generator | None = None,
    ) -> Actions:
        """The action [A] to request at the next step of the episode, with noise if `rng` is given.

        The policy acts at the first step, after a step from which no plan could be made, and where
        exploring is left to it.
        """
        if rng is not None and not self.settings.explores:
            return self._policy_action(physical, last_action, goal, rng)
        planned = self._follower.action(self._step)
        if planned is None:
            action = self._policy_action(physical, last_action, goal, rng)
        else:
            action = explored(planned, self.settings.exploration_std, rng)
        self._step += 1
        if self._step >= self.task.episode_steps:
            return action
        try:
            steps = self._step - self._planned if self._planned >= 0 else 1
            plan = self.plan_next(physical, goal, action, steps=steps)
        except PlanError:
            return action  # the last plan goes on for as long as it may, then the policy
        self._planned = self._step
        self._follower.take(self._step, plan.actions)
        return action

    def _policy_action(
        self, physical: Vector, last_action: Vector, goal: Vector, rng: np.random.Generator | None
    ) -> Actions:
        state = (np.asarray(v, dtype=np.float64) for v in (physical, last_action, goal))
        observation = np.asarray(self.task.observation(*state), dtype=np.float32)
        return self.policy.act(observation, rng)

    @torch.no_grad()
    def _predicted(self, physical: Tensor, action: Tensor, applied: Vector | None) -> np.ndarray:
        if applied is None:
            moved = self.task.applied_action(physical, action.clamp(-1, 1))
        else:
            moved = _tensor(applied)
        rows = self.model.members, 1, -1
        after = self.model.predict(physical.expand(rows), moved.expand(rows)).mean(dim=0)[0]
        return after.clamp(-STATE_LIMIT, STATE_LIMIT).numpy()


def agent_of(
    snapshot: Snapshot,
    task: Task,
    now_ns: Callable[[], int] = time.monotonic_ns,
    threads: int = 1,
) -> PlanningAgent:
    """The agent of a snapshot that has been checked; its episodes are still to be seeded.

    Args:
        threads: that share the scoring of sequences.

    Raises:
        ValueError: the snapshot carries no planner, or one with settings that do not exist.
    """
    settings = snapshot.manifest.policy.planner
    if settings is None:
        raise ValueError(f"version {snapshot.manifest.version} carries no planner")
    model = MeanEnsemble(task, _part(snapshot, "model."), settings.kinematic, settings.activation)
    policy, value = torch_policy(snapshot), None
    if settings.value is not None:
        critic = twin_q_of(task, settings.value, _part(snapshot, "value."))
        value = TwinQValue(task, policy, critic, settings.value.reward_scale)
    is_gaussian = isinstance(policy, GaussianPolicy)
    prior = GaussianPrior(policy) if is_gaussian else SquashedPrior(policy)
    search = search_settings(settings.search)
    planner = build_planner(task, model, search, 0, prior, value, now_ns, threads)
    return PlanningAgent(task, model, planner, NumpyPolicy(snapshot), settings)


def _part(snapshot: Snapshot, prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array.copy())
        for name, array in snapshot.weights.items()
        if name.startswith(prefix)
    }


def _tensor(values: Vector) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
