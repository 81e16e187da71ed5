"""The control process's end of the plan exchange: asks for plans, takes those that have come.

On the wall clock nothing waits for a plan. In lockstep virtual time waits for each, so that the
same seed gives the same rows.
"""

import time
from collections.abc import Callable

import numpy as np

from hal.types import Vector
from mbctl.episodes.actor import Actions, PolicyActor
from mbctl.episodes.episode import Episode
from services.controller.control.control_fault import ControlFaultError
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
LOCKSTEP_WAIT_S = 180.0  # a planner process that starts imports torch first

_NOT_ASKED = -1


class PlannerClient:
    """A `PlanSource` whose plans the planner process makes.

    Args:
        exchange: where plans come from.
        deaths: counts planner processes that have died.
        period_ns: control period.
        is_lockstep: plans are waited for.
        wait_s: how long, at most.
    """

    def __init__(
        self,
        exchange: PlanExchange,
        deaths: Callable[[], int],
        period_ns: int,
        *,
        is_lockstep: bool,
        wait_s: float = LOCKSTEP_WAIT_S,
    ) -> None:
        self._exchange = exchange
        self._deaths = deaths
        self._plan_ns = int(PLAN_SHARE * period_ns)
        self._is_lockstep = is_lockstep
        self._wait_ns = round(wait_s * 1e9)
        self._episode = 0
        self._plan_seed = 0
        self._version = 0
        self._began_ns = 0
        self._seen = 0
        self._asked = _NOT_ASKED  # step of the question that lockstep waits on
        self._asked_ns = self._deaths_then = 0
        self._untaken: tuple[int, Actions] | None = None
        self._newest: PlanMessage | None = None
        self._age_ns = 0
        self._error = ""

    @property
    def wake_fd(self) -> int:
        """Readable when a plan may have come."""
        return self._exchange.made_fd

    @property
    def is_waiting(self) -> bool:
        """Whether virtual time has to stand still for a plan."""
        if self._asked == _NOT_ASKED:
            return False
        calm(self._exchange.made_fd)
        self._look()
        return self._asked != _NOT_ASKED and not self._why_lost()[0]

    def begin(self, plan_seed: int) -> None:
        """An episode begins; its plans draw from `plan_seed`."""
        self._episode += 1
        self._plan_seed = plan_seed
        self._version = 0
        self._asked = _NOT_ASKED
        self._newest = self._untaken = None
        # A planner that is started anew does not know the plans before; a new episode has none.
        self._deaths_then = self._deaths()

    def newest(self, version: int) -> tuple[int, Actions] | None:
        """The plan that has come, and the step that it is for, if it was not returned before.

        Raises:
            ControlFaultError: in lockstep, that there will be no plan.
        """
        self._began_ns = time.monotonic_ns()
        if version != self._version:
            self._version, self._untaken = version, None
        self._look()
        if self._asked != _NOT_ASKED and self._is_lockstep:
            raise ControlFaultError(*self._why_lost())
        if self._newest is not None:
            self._age_ns = self._began_ns - self._newest.asked_ns
        found, self._untaken = self._untaken, None
        return found

    def ask(self, version: int, episode: Episode, applied: Vector) -> None:
        """The command has been sent: have the next step planned."""
        self._asked_ns = time.monotonic_ns()
        deadline_ns = 0 if self._is_lockstep else self._began_ns + self._plan_ns
        step = episode.steps + 1
        if self._is_lockstep:
            self._asked = step
        numbers = self._episode, self._plan_seed, step, version, self._asked_ns, deadline_ns
        vectors = episode.physical, episode.goal, episode.last_action, applied
        self._exchange.ask(PlanRequest(*numbers, *vectors))

    def on_board(self, actor: PolicyActor) -> PlannerOnBoard:
        """How plans come, and what their actor made of them, for the status."""
        plan = self._newest
        return PlannerOnBoard(
            planned=actor.is_planned,
            steps=actor.steps,
            late=actor.late,
            fallbacks=actor.fallbacks,
            late_rate=actor.late_rate,
            age_s=self._age_ns / 1e9,
            took_s=0.0 if plan is None else plan.took_ns / 1e9,
            value=0.0 if plan is None else plan.value,
            disagreement=0.0 if plan is None else plan.disagreement,
            error=self._error,
        )

    def _look(self) -> None:
        try:
            found = self._exchange.newest_plan(self._seen)
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
            self._untaken = plan.step, plan.actions

    def _why_lost(self) -> tuple[str, str]:
        """Reason and message of the fault, both empty while there is hope."""
        if self._deaths() != self._deaths_then:
            return "PLANNER_DIED", "the planner process ended in the midst of a lockstep episode"
        waited_s = (time.monotonic_ns() - self._asked_ns) / 1e9
        if waited_s * 1e9 > self._wait_ns:
            limit_s = self._wait_ns / 1e9
            return "PLANNER_SILENT", f"no plan for {waited_s:.1f} s, limit {limit_s:g} s"
        return "", ""
