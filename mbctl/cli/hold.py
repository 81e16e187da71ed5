"""Keeping a robot active for as long as somebody is there."""

import time
from typing import TYPE_CHECKING

from mbctl.cli import render

if TYPE_CHECKING:
    from services.client import ControllerClient, HeldLease

_LOOK_PERIOD_S = 0.2
_WITH_TORQUE = ("ACTIVE", "HOLD")


def hold(client: "ControllerClient", lease: "HeldLease") -> None:
    """Return at Ctrl-C, with the robot at rest.

    Raises:
        ServiceError: the lease was lost, or the robot has left ACTIVE: the reason is its fault's.
    """
    try:
        render.note("active until Ctrl-C")
        while True:
            time.sleep(_LOOK_PERIOD_S)
            lease.check()
            _check_torque(client)
    except KeyboardInterrupt:
        from services.client.plain import enum_word

        render.note(enum_word(client.deactivate(lease), "lifecycle"))


def _check_torque(client: "ControllerClient") -> None:
    from services.client.plain import enum_word
    from services.errors import ServiceError, refusal

    try:
        status = client.status()
    except ServiceError as error:
        if error.code.name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            return  # a busy machine: the lease's heartbeat tells for how long that may last
        raise
    lifecycle = enum_word(status, "lifecycle")
    if lifecycle in _WITH_TORQUE:
        return
    cause = f": {status.fault.message}" if status.fault.reason else ""
    ended = refusal("WRONG_LIFECYCLE", f"active no more, the robot is {lifecycle}{cause}")
    ended.reason = status.fault.reason or ended.reason
    ended.answered_by = client.caller.answered_by
    raise ended
