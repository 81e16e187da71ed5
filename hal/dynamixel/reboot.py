"""Rebooting one servo, the only cure of a latched error besides taking its supply away."""

from hal.clock import Clock
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, ServoStatusError
from hal.dynamixel.servo import Servo
from hal.errors import RobotWriteError

_PATIENCE_S = 1.0
_POLL_S = 0.05


def reboot_servo(bus: ServoBus, servo: Servo, clock: Clock) -> None:
    """Reboot `servo` and wait until it is back without an error, at most a second.

    Some models reboot without answering, so the answer decides nothing.

    Raises:
        RobotWriteError: REBOOT_FAILED, it did not come back or its error is still there.
        PortError: the port is gone.
    """
    started_ns = clock.now_ns()
    _ask(bus, servo)
    said = "it does not answer"
    for poll in range(1, round(_PATIENCE_S / _POLL_S) + 1):
        clock.sleep_until(started_ns + round(poll * _POLL_S * 1e9))
        status = _status(bus, servo)
        if status == 0:
            return
        if status is not None:
            said = f"hardware error status is still {status:#04x}"
    raise RobotWriteError(
        f"{servo} is not ready {_PATIENCE_S} s after its reboot: {said}; take its supply away",
        reason="REBOOT_FAILED",
    )


def _ask(bus: ServoBus, servo: Servo) -> None:
    try:
        bus.reboot(servo.id)
    except (BusTimeoutError, BadStatusError, ServoStatusError):
        return  # what follows tells


def _status(bus: ServoBus, servo: Servo) -> int | None:
    try:
        bus.ping(servo.id)
        return bus.read(servo.id, servo.table["hardware_error_status"])
    except (BusTimeoutError, BadStatusError):
        return None
