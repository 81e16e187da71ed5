"""How an emergency stop of one robot ended, as far as the one who asked for it knows."""

from typing import NamedTuple

from mbctl import exit_codes

UNCONFIRMED = "TORQUE_OFF_UNCONFIRMED"
_UNREACHABLE = ("UNREACHABLE", "DEADLINE_EXCEEDED", "UNAVAILABLE", "NO_CONTROLLER")


class StopResult(NamedTuple):
    """Of one robot.

    Attributes:
        robot: its name; empty where nobody told it.
        target: address of its controller.
        lifecycle: what the controller says was reached; empty where it did not say.
        latency_ms: from the request's arrival to torque off.
        torque_off_failed: joints for which torque off is not confirmed.
        code, reason, message: of a failure; empty when torque is off.
    """

    robot: str
    target: str
    lifecycle: str = ""
    latency_ms: float = 0.0
    torque_off_failed: tuple[str, ...] = ()
    code: str = ""
    reason: str = ""
    message: str = ""

    @property
    def exit_code(self) -> int:
        """As of any call."""
        if not self.reason:
            return exit_codes.OK
        if self.reason in _UNREACHABLE:
            return exit_codes.UNREACHABLE
        return exit_codes.USAGE if self.code == "UNIMPLEMENTED" else exit_codes.FAULT


def answered(
    robot: str, target: str, lifecycle: str, latency_ms: float, torque_off_failed: tuple[str, ...]
) -> StopResult:
    """What a controller answered; torque that is not confirmed to be off is a failure."""
    result = StopResult(robot, target, lifecycle, latency_ms, torque_off_failed)
    if torque_off_failed:
        joints = ", ".join(torque_off_failed)
        message = f"torque-off was not confirmed by {joints}: cut the power"
    elif lifecycle != "E_STOPPED":
        message = f"the controller says {lifecycle or 'nothing'}, not E_STOPPED: cut the power"
    else:
        return result
    return result._replace(code="FAULT", reason=UNCONFIRMED, message=message)


def worst(results: list[StopResult]) -> int:
    """One exit code for all: a robot that may still have torque before one that nobody reached."""
    found = {result.exit_code for result in results}
    for code in (exit_codes.FAULT, exit_codes.UNREACHABLE, exit_codes.USAGE):
        if code in found:
            return code
    return exit_codes.OK
