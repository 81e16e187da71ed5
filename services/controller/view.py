"""What the service process knows of the robot: from the board, from events, and from a silence."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hal.faults import Cycle, Fault
from hal.health import NO_HEALTH, JointHealth, RobotHealth
from hal.lifecycle import Lifecycle
from hal.realtime import RealTimeReport
from services.errors import Code, ServiceError
from services.ipc.state_board import BoardRecord

NOTHING_YET = RealTimeReport(False, False, False, False)


@dataclass
class ControlView:
    """The last word about the control process.

    Attributes:
        alive: the control process runs.
        is_starting: one is being started.
        boot_id: names the clock of the control process.
        control_fault: latched by the control process, or by its end.
        unreachable: why there is no control process and the robot is tried to be reached again; it
            is no fault of its own.
        health: what the robot last told of itself beside its state.
        health_ns: monotonic time when it told that.
        stop_fault: who asked for the emergency stop, while it is latched; it stays latched across
            restarts of the control process.
        is_stop_awaited: it was asked for, and nothing has confirmed it yet.
    """

    read_board: Callable[[], BoardRecord | None] = lambda: None
    alive: bool = False
    is_starting: bool = False
    boot_id: str = ""
    real_time: RealTimeReport = NOTHING_YET
    control_fault: Fault | None = None
    stop_fault: Fault | None = None
    is_stop_awaited: bool = False
    unreachable: Fault | None = None
    health: RobotHealth = NO_HEALTH
    health_ns: int = 0

    def check_reachable(self) -> None:
        """Pass while there is a robot.

        Raises:
            ServiceError: UNAVAILABLE, with the reason why there is none.
        """
        if self.unreachable is not None:
            message = f"{self.unreachable.message}; trying again by itself"
            raise ServiceError(Code.UNAVAILABLE, self.unreachable.reason, message)

    @property
    def fault(self) -> Fault | None:
        """What is latched: an emergency stop before a fault."""
        return self.stop_fault or self.control_fault

    @property
    def lifecycle(self) -> Lifecycle:
        """As far as it is known; FAULT while the control process is gone, UNCONFIGURED while the
        robot has never been reached; E_STOPPED once that is confirmed."""
        if self.stop_fault is not None and not self.is_stop_awaited:
            return Lifecycle.E_STOPPED
        if not self.alive:
            return Lifecycle.FAULT if self.control_fault else Lifecycle.UNCONFIGURED
        board = self.read_board()
        return Lifecycle(board.lifecycle) if board else Lifecycle.UNCONFIGURED


def new_fault(reason: str, message: str) -> Fault:
    """A fault that the service process itself found or ordered, now."""
    return Fault(reason, message, time.monotonic_ns(), time.time_ns(), ())


def fault_from_event(event: dict[str, Any]) -> Fault:
    """A fault as the control process reported it."""
    cycles = tuple(
        Cycle(
            cycle["cycle"],
            cycle["stamp_ns"],
            tuple(cycle["position"]),
            tuple(cycle["velocity"]),
            tuple(cycle["command"]),
            cycle["verdict"],
        )
        for cycle in event["cycles"]
    )
    return Fault(
        event["reason"], event["message"], event["stamp_ns"], event["wall_time_ns"], cycles
    )


def health_from_event(event: dict[str, Any]) -> RobotHealth:
    """A robot's health as the control process told it."""
    return RobotHealth(
        event["watchdog_s"],
        tuple(JointHealth(**joint) for joint in event["joints"]),
        tuple(event["warnings"]),
        event["counters"],
    )
