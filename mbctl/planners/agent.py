"""A planner as a robot uses it: while one action is carried out, it plans what follows.

A plan made for the state of now would come when the state is another. So the state after the action
that is under way is predicted first, and planned from: row 0 of a plan is for the next step.
"""

import contextlib
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mbctl.episodes.actor import Actions, PolicyActor
from mbctl.episodes.episode import Episode
from mbctl.models.imagine import STATE_LIMIT
from mbctl.models.mean_ensemble import MeanEnsemble
from mbctl.nn.device import CPU, torch_device
from mbctl.planners.dynamics import Dynamics
from mbctl.planners.planner import Plan, PlanError, Planner, Vector
from mbctl.planners.proposal import GaussianPrior, SquashedPrior
from mbctl.planners.search import build_planner
from mbctl.planners.settings import search_settings
from mbctl.planners.terminal_value import TwinQValue, twin_q_of
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import Snapshot
from mbctl.policies.torch_policy import torch_policy
from mbctl.tasks.task import Task


class PlanningAgent:
    """Model and planner: the plans of one episode after another, a `PlanSource` in this process.

    Args:
        task: applies actions and composes observations.
        model: what the planner plans in.
        planner: seeded at each episode's beginning.
        device: where the model computes.
    """

    def __init__(
        self, task: Task, model: Dynamics, planner: Planner, device: torch.device = CPU
    ) -> None:
        self.task = task
        self.device = device
        self.model = model
        self.planner = planner
        self._planned: int | None = None  # the step that the newest plan is for
        self._newest: tuple[int, Actions] | None = None

    def begin(self, plan_seed: int) -> None:
        """An episode begins; all that its plans draw comes from `plan_seed`."""
        self.planner.restart(plan_seed)
        self._planned = self._newest = None

    def ask(self, version: int, episode: Episode, applied: Vector) -> None:
        """Plan the step that follows the action under way, `applied` [A].

        Where no plan can be made, the one before goes on for as long as it may.
        """
        state = episode.physical, episode.goal, episode.last_action
        with contextlib.suppress(PlanError):
            plan = self.plan_step(episode.steps + 1, *state, applied=applied)
            self._newest = episode.steps + 1, plan.actions

    def newest(self, version: int) -> tuple[int, Actions] | None:
        """The plan made last, and the step that it is for, if it was not returned before."""
        newest, self._newest = self._newest, None
        return newest

    def plan_step(
        self,
        step: int,
        physical: Vector,
        goal: Vector,
        action_now: Vector,
        deadline_ns: int | None = None,
        *,
        applied: Vector | None = None,
    ) -> Plan:
        """A plan for `step` of the episode, from the state after the action of the step before it.

        Args, raises: see `plan_next`.
        """
        steps = 1 if self._planned is None else step - self._planned
        plan = self.plan_next(physical, goal, action_now, deadline_ns, applied=applied, steps=steps)
        self._planned = step
        return plan

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
        after = self._predicted(self._tensor(physical), self._tensor(action_now), applied)
        if not np.isfinite(after).all():
            raise PlanError(
                f"the model leads from physical {list(physical)} with action {list(action_now)} "
                f"to {after.tolist()}: its weights are broken, or the state is far from its data"
            )
        last_action = np.clip(np.asarray(action_now, dtype=np.float32), -1, 1)
        return self.planner.plan(after, last_action, goal, deadline_ns, steps)

    @torch.no_grad()
    def _predicted(self, physical: Tensor, action: Tensor, applied: Vector | None) -> np.ndarray:
        if applied is None:
            moved = self.task.applied_action(physical, action.clamp(-1, 1))
        else:
            moved = self._tensor(applied)
        rows = self.model.members, 1, -1
        after = self.model.predict(physical.expand(rows), moved.expand(rows)).mean(dim=0)[0]
        return after.clamp(-STATE_LIMIT, STATE_LIMIT).cpu().numpy()

    def _tensor(self, values: Vector) -> Tensor:
        return torch.from_numpy(np.array(values, dtype=np.float32)).to(self.device)


def agent_of(
    snapshot: Snapshot,
    task: Task,
    now_ns: Callable[[], int] = time.monotonic_ns,
    threads: int = 1,
    device: str = "cpu",
) -> PlanningAgent:
    """The agent of a snapshot that has been checked; its episodes are still to be seeded.

    Args:
        threads: that share the scoring of sequences.
        device: where it plans: "cpu", "cuda", "cuda:N" or "auto".

    Raises:
        DeviceError: there is no such device.
        ValueError: the snapshot carries no planner, or one with settings that do not exist.
    """
    settings = snapshot.manifest.policy.planner
    if settings is None:
        raise ValueError(f"version {snapshot.manifest.version} carries no planner")
    where = torch_device(device)
    weights = _part(snapshot, "model.", where)
    model = MeanEnsemble(task, weights, settings.kinematic, settings.activation)
    policy, value = torch_policy(snapshot, where), None
    if settings.value is not None:
        critic = twin_q_of(task, settings.value, _part(snapshot, "value.", where))
        value = TwinQValue(task, policy, critic, settings.value.reward_scale)
    is_gaussian = isinstance(policy, GaussianPolicy)
    prior = GaussianPrior(policy) if is_gaussian else SquashedPrior(policy)
    search = search_settings(settings.search)
    planner = build_planner(task, model, search, 0, prior, value, now_ns, threads, where)
    return PlanningAgent(task, model, planner, where)


def actor_of(snapshot: Snapshot, task: Task, device: str = "cpu") -> PolicyActor:
    """Who acts for a snapshot in this process: its policy, and its planner where it has one."""
    has_planner = snapshot.manifest.policy.planner is not None
    agent = agent_of(snapshot, task, device=device) if has_planner else None
    return PolicyActor(NumpyPolicy(snapshot), agent)


def _part(snapshot: Snapshot, prefix: str, device: torch.device) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array.copy()).to(device)
        for name, array in snapshot.weights.items()
        if name.startswith(prefix)
    }
