"""What the loop shows of itself: each cycle, its newest state, statistics and health."""

import time
from dataclasses import asdict, replace

from hal.health import NO_HEALTH, RobotHealth
from hal.types import RobotState
from mbctl.episodes.actor import PolicyActor
from services.controller.control.episode_batch import EpisodeBatch
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.lifecycle_machine import LifecycleMachine
from services.controller.control.pacer import Pacer
from services.controller.control.planner_client import PlannerClient
from services.controller.control.policy_holder import PolicyHolder
from services.controller.control.service_link import ServiceLink
from services.ipc.state_board import (
    BoardRecord,
    EpisodeOnBoard,
    LoopOnBoard,
    PlannerOnBoard,
)

_PUBLISH_NS = 10_000_000  # lockstep shows itself this often, not at each of its short steps
_SECOND_NS = 1_000_000_000


class StatePublisher:
    """Writes cycles and the state board, and sends "health" events.

    Args:
        is_lockstep: show the state less often than it changes, and no health.
    """

    def __init__(
        self,
        robot: GuardedRobot,
        machine: LifecycleMachine,
        policies: PolicyHolder,
        actor: PolicyActor,
        planner: PlannerClient | None,
        link: ServiceLink,
        pacer: Pacer,
        *,
        is_lockstep: bool,
    ) -> None:
        self._robot = robot
        self._machine = machine
        self._policies = policies
        self._actor = actor
        self._planner = planner
        self._link = link
        self._pacer = pacer
        self._is_lockstep = is_lockstep
        self._told: RobotState | None = None  # the measurement that was last streamed
        self._published_ns = 0
        self._second_ns = 0
        self._statistics = LoopOnBoard()
        self._health = NO_HEALTH

    def show(
        self, state: RobotState | None, batch: EpisodeBatch | None, warning: str, *, force: bool
    ) -> None:
        """Show the present state.

        Args:
            state: the last measurement.
            batch: what runs.
            warning: of the loop itself, with its reason; empty for none.
            force: in lockstep, show it even if that was done a moment ago.
        """
        if self._link.are_cycles_wanted and state is not None and state is not self._told:
            self._told = state
            self._tell_cycle(state, batch)
        now_ns = time.monotonic_ns()
        if self._is_lockstep and not force and now_ns - self._published_ns < _PUBLISH_NS:
            return
        self._published_ns = now_ns
        if now_ns - self._second_ns > _SECOND_NS:
            self._second_ns = now_ns
            self._statistics = LoopOnBoard(**asdict(self._pacer.summary()))
            self._tell_health(warning)
        self._link.board.publish(
            BoardRecord(
                int(self._machine.lifecycle),
                self._robot.cycle,
                now_ns,
                self._policies.version,
                0 if batch is None else batch.step_number,
                self._link.rows_total,
                state,
                EpisodeOnBoard() if batch is None else batch.on_board(),
                self._statistics,
                self._planner_on_board(),
            )
        )

    def _tell_cycle(self, state: RobotState, batch: EpisodeBatch | None) -> None:
        sent = self._robot.sent
        self._link.cycles.push(
            self._robot.cycle,
            int(self._machine.lifecycle),
            self._policies.version,
            "" if batch is None else batch.episode_id,
            0 if batch is None else batch.step_number,
            state,
            None if sent is None else sent.target,
            0 if sent is None else sent.stamp_ns,
        )

    def _planner_on_board(self) -> PlannerOnBoard:
        if self._planner is None:
            return PlannerOnBoard(planned=self._actor.is_planned)
        return self._planner.on_board(self._actor)

    def _tell_health(self, warning: str) -> None:
        if self._is_lockstep:
            return
        health = self._robot.health()
        if warning:
            health = replace(health, warnings=(*health.warnings, warning))
        if health != self._health:
            self._health = health
            self._link.emit({"type": "health", **_plain(health)})


def _plain(health: RobotHealth) -> dict[str, object]:
    """As JSON can say it; `asdict` cannot copy a read-only mapping."""
    return {
        "watchdog_s": health.watchdog_s,
        "joints": [asdict(joint) for joint in health.joints],
        "warnings": list(health.warnings),
        "counters": dict(health.counters),
    }
