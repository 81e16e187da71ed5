"""Who acts in an episode: a policy, or plans where they are there and the policy where not.

A plan is made while an action is carried out, for the step after it: one made for the state of now
would come when the state is another. One that is late is replaced by the plan before it, shifted,
for as many steps as the policy's version allows; then the policy acts.
"""

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hal.types import Vector
from mbctl.episodes.episode import Episode
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.planner_architecture import PlannerArchitecture

Actions = NDArray[np.float32]

LATE_WINDOW = 200  # steps


class Actor:
    """Acts in one episode at a time."""

    remembers = False
    """Whether an action depends on more than the episode's present state and noise."""

    def begin(self, plan_seed: int) -> None:
        """An episode begins, or goes on after another actor has had it."""

    def act(self, episode: Episode) -> NDArray[np.floating]:
        """The action [A] to request now; without `episode.noise` the best known one."""
        raise NotImplementedError

    def carried_out(self, episode: Episode, applied: Vector) -> None:
        """The action requested is under way, as `applied` [A]; the episode is where it was."""


class PlanSource(Protocol):
    """Makes plans of one episode after another, in this process or beside it."""

    def begin(self, plan_seed: int) -> None:
        """An episode begins; its plans draw from this seed."""
        ...

    def ask(self, version: int, episode: Episode, applied: Vector) -> None:
        """Have the step planned that follows the action under way, `applied` [A]."""
        ...

    def newest(self, version: int) -> tuple[int, Actions] | None:
        """The newest plan [H, A] that a policy version may follow, and its first row's step.

        None: there is none that was not returned before.
        """
        ...


class PlanFollower:
    """Follows the newest plan of an episode.

    Args:
        shift_steps_max: steps that a plan is followed beyond the one it was made for.
    """

    def __init__(self, shift_steps_max: int) -> None:
        self._shift_max = shift_steps_max
        self._actions: Actions | None = None
        self._step = 0

    def begin(self) -> None:
        """Another episode: there is no plan yet."""
        self._actions = None

    def take(self, step: int, actions: Actions) -> None:
        """A plan [H, A], row 0 of which is for `step`; one for an earlier step is not newer."""
        if self._actions is None or step >= self._step:
            self._step, self._actions = step, actions

    def lateness(self, step: int) -> int | None:
        """Steps by which the newest plan is behind; 0: it is for `step`, None: there is none."""
        return None if self._actions is None else max(0, step - self._step)

    def action(self, step: int) -> Actions | None:
        """What the newest plan does at `step` [A]; None where it may not be followed that far."""
        if self._actions is None or not 0 <= step - self._step < len(self._actions):
            return None
        late = step - self._step
        return None if late > self._shift_max else self._actions[late]


def explored(action: Actions, std: float, rng: np.random.Generator | None) -> Actions:
    """A planned action [A] as it is carried out: clipped, with noise where there is an `rng`."""
    if rng is None or std == 0:
        return action.astype(np.float32)
    noise = rng.standard_normal(action.shape, dtype=np.float32)
    return np.clip(action + np.float32(std) * noise, -1, 1).astype(np.float32)


class PolicyActor(Actor):
    """A policy, and the planner around it where its snapshot has one.

    Args:
        policy: in use; may be set anew between two steps.
        plans: what plans come from; None: the policy acts alone.

    Attributes:
        steps: that wanted a plan.
        late: of these, those for which the plan made for them was not there.
        fallbacks: of these, those at which the policy acted.
    """

    def __init__(self, policy: NumpyPolicy | None = None, plans: PlanSource | None = None) -> None:
        self.policy = policy
        self.remembers = plans is not None
        self.steps = self.late = self.fallbacks = 0
        self._plans = plans
        self._version = 0  # whose plans are followed
        self._follower = PlanFollower(0)
        self._recent: deque[bool] = deque(maxlen=LATE_WINDOW)

    @property
    def is_planned(self) -> bool:
        """Whether the policy in use has a planner."""
        return self.policy is not None and self.policy.planner is not None

    @property
    def late_rate(self) -> float:
        """Share that was late of the last LATE_WINDOW steps that wanted a plan."""
        return sum(self._recent) / len(self._recent) if self._recent else 0.0

    def begin(self, plan_seed: int) -> None:
        self._version = 0
        if self._plans is not None:
            self._plans.begin(plan_seed)

    def act(self, episode: Episode) -> Actions:
        """The action [A] to request now.

        The policy's at an episode's first step, where no plan may be followed, and where exploring
        is left to it; else the plan's.
        """
        policy = self._present()
        planner = _planner_of(policy, episode)
        if planner is None or self._plans is None:
            return policy.act(episode.observation, episode.noise)
        if policy.version != self._version:
            self._version = policy.version
            self._follower = PlanFollower(planner.shift_steps_max)
        newest = self._plans.newest(policy.version)
        if newest is not None:
            self._follower.take(*newest)
        action = self._follower.action(episode.steps)
        if episode.steps:  # an episode's first step is the policy's
            self._count(self._follower.lateness(episode.steps) != 0, action is None)
        if action is None:
            return policy.act(episode.observation, episode.noise)
        return explored(action, planner.exploration_std, episode.noise)

    def carried_out(self, episode: Episode, applied: Vector) -> None:
        policy = self._present()
        if self._plans is None or episode.is_at_last_step or _planner_of(policy, episode) is None:
            return
        self._plans.ask(policy.version, episode, applied)

    def _present(self) -> NumpyPolicy:
        if self.policy is None:
            raise ValueError("there is no policy to act; expected one before the first step")
        return self.policy

    def _count(self, is_late: bool, is_fallback: bool) -> None:
        self.steps += 1
        self.late += is_late
        self.fallbacks += is_fallback
        self._recent.append(is_late)


def _planner_of(policy: NumpyPolicy, episode: Episode) -> PlannerArchitecture | None:
    """What plans this episode; None where the policy acts alone."""
    planner = policy.planner
    if planner is None or (episode.noise is not None and not planner.explores):
        return None
    return planner
