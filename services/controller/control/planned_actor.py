"""The action at each step: the planner's where its plan is there, otherwise the policy's.

On the wall clock nothing waits for a plan. One that is late is replaced by the plan before it,
shifted, for as many steps as the policy's version allows; then the policy acts. In lockstep virtual
time waits for each plan, so that the same seed gives the same rows.
"""

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from mbctl.planners.follow import PlanFollower, explored
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.planner_architecture import PlannerArchitecture
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.episode import Action, Episode
from services.ipc.latest_value import ValueUnreadableError
from services.ipc.plan_exchange import (
    MalformedPlanError,
    PlanExchange,
    PlanMessage,
    PlanRequest,
    calm,
)
from services.ipc.state_board import PlannerOnBoard

PLAN_SHARE = 0.9  # of a control period; the rest is for the way to the loop and back
LATE_WINDOW = 200  # steps
LOCKSTEP_WAIT_S = 180.0  # a planner process that starts imports torch first

_NOT_ASKED = -1


class PlannedActor:
    """Chooses actions for the episodes of one control process.

    Args:
        exchange: where plans come from; None: there are none.
        deaths: counts planner processes that have died.
        period_ns: control period.
        is_lockstep: plans are waited for.
        wait_s: how long, at most.
    """

    def __init__(
        self,
        exchange: PlanExchange | None,
        deaths: Callable[[], int],
        period_ns: int,
        *,
        is_lockstep: bool,
        wait_s: float = LOCKSTEP_WAIT_S,
    ) -> None:
        self._exchange = exchange
        self._deaths = deaths
        self._period_ns = period_ns
        self._is_lockstep = is_lockstep
        self._wait_ns = round(wait_s * 1e9)
        self._episode = 0
        self._seed = 0
        self._version = 0
        self._follower = PlanFollower(0)
        self._began_ns = 0
        self._seen = 0
        self._asked = _NOT_ASKED  # step of the question that lockstep waits on
        self._asked_ns = self._deaths_then = 0
        self._newest: PlanMessage | None = None
        self._steps = self._late = self._fallbacks = 0
        self._recent: deque[bool] = deque(maxlen=LATE_WINDOW)
        self._is_planned = False
        self._age_ns = 0
        self._error = ""

    @property
    def wake_fd(self) -> int | None:
        """Readable when a plan may have come."""
        return None if self._exchange is None else self._exchange.made_fd

    @property
    def is_waiting(self) -> bool:
        """Whether virtual time has to stand still for a plan."""
        if self._asked == _NOT_ASKED or self._exchange is None:
            return False
        calm(self._exchange.made_fd)
        self._take(self._exchange)
        return self._asked != _NOT_ASKED and not self._why_lost()[0]

    def begin(self, seed: int) -> None:
        """An episode begins; its plans draw from `seed`."""
        self._episode += 1
        self._seed = seed
        self._version = 0
        self._asked = _NOT_ASKED
        self._newest = None
        # A planner that is started anew does not know the plans before; a new episode has none.
        self._deaths_then = self._deaths()

    def act(self, policy: NumpyPolicy, episode: Episode) -> Action:
        """The action [A] to request now.

        Raises:
            ControlFaultError: in lockstep, that there will be no plan.
        """
        self._began_ns = time.monotonic_ns()
        planner = _planner_of(policy, episode)
        self._is_planned = policy.planner is not None
        if planner is None or self._exchange is None:
            return policy.act(episode.observation, episode.noise)
        if policy.version != self._version:
            self._version = policy.version
            self._follower = PlanFollower(planner.shift_steps_max)
        self._take(self._exchange)
        if self._asked != _NOT_ASKED and self._is_lockstep:
            raise ControlFaultError(*self._why_lost())
        action = self._follower.action(episode.steps)
        if episode.steps:  # an episode's first step is the policy's
            self._count(episode.steps, is_fallback=action is None)
        if action is None:
            return policy.act(episode.observation, episode.noise)
        return explored(action, planner.exploration_std, episode.noise)

    def ask(self, policy: NumpyPolicy, episode: Episode) -> None:
        """The command has been sent: have the next step planned."""
        if self._exchange is None or _planner_of(policy, episode) is None:
            return
        if episode.is_next_last_observed:
            return
        self._asked_ns = time.monotonic_ns()
        deadline_ns = 0 if self._is_lockstep else self._began_ns + int(PLAN_SHARE * self._period_ns)
        step = episode.steps + 1
        question = episode.sent_from()
        if self._is_lockstep:
            self._asked = step
        numbers = self._episode, self._seed, step, policy.version, self._asked_ns, deadline_ns
        self._exchange.ask(PlanRequest(*numbers, *question))

    def on_board(self) -> PlannerOnBoard:
        """How plans come, for the status."""
        plan = self._newest
        return PlannerOnBoard(
            planned=self._is_planned,
            steps=self._steps,
            late=self._late,
            fallbacks=self._fallbacks,
            late_rate=sum(self._recent) / len(self._recent) if self._recent else 0.0,
            age_s=self._age_ns / 1e9,
            took_s=0.0 if plan is None else plan.took_ns / 1e9,
            value=0.0 if plan is None else plan.value,
            disagreement=0.0 if plan is None else plan.disagreement,
            error=self._error,
        )

    def _take(self, exchange: PlanExchange) -> None:
        try:
            found = exchange.newest_plan(self._seen)
        except (MalformedPlanError, ValueUnreadableError) as error:
            self._error = str(error)
            return
        if found is None:
            return
        self._seen, plan = found
        if plan.episode != self._episode or plan.policy_version != self._version:
            return
        if plan.step >= self._asked:
            self._asked = _NOT_ASKED
        self._error = plan.error
        if not plan.error and np.isfinite(plan.actions).all():
            self._newest = plan
            self._follower.take(plan.step, plan.actions)

    def _count(self, step: int, *, is_fallback: bool) -> None:
        is_late = self._follower.lateness(step) != 0
        self._steps += 1
        self._late += is_late
        self._fallbacks += is_fallback
        self._recent.append(is_late)
        if self._newest is not None:
            self._age_ns = self._began_ns - self._newest.asked_ns

    def _why_lost(self) -> tuple[str, str]:
        """Reason and message of the fault, both empty while there is hope."""
        if self._deaths() != self._deaths_then:
            return "PLANNER_DIED", "the planner process ended in the midst of a lockstep episode"
        waited_s = (time.monotonic_ns() - self._asked_ns) / 1e9
        if waited_s * 1e9 > self._wait_ns:
            limit_s = self._wait_ns / 1e9
            return "PLANNER_SILENT", f"no plan for {waited_s:.1f} s, limit {limit_s:g} s"
        return "", ""


def _planner_of(policy: NumpyPolicy, episode: Episode) -> PlannerArchitecture | None:
    """What plans this episode; None where the policy acts alone."""
    planner = policy.planner
    if planner is None or (episode.noise is not None and not planner.explores):
        return None
    return planner
