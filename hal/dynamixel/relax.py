"""Torque off: broadcast three times, then confirmed by a read of each servo."""

from collections.abc import Sequence

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.port import SerialPort
from hal.dynamixel.units import DEFAULT_BAUD_RATE
from hal.errors import HalError

_REPEATS = 3
_CONFIRM_TRIES = 3
_CONFIRM_TIMEOUT_S = 0.02
_XM430 = 1020  # Torque Enable lies at 64 in all models


def torque_off(bus: ServoBus, servo_ids: Sequence[int]) -> tuple[int, ...]:
    """Take torque off every servo on the bus; return those of `servo_ids` that did not confirm it.

    The first packets go out before anything is waited for. A servo with a latched error answers
    every write with an alert: only the value read back counts.
    """
    register = control_table_of(_XM430)["torque_enable"]
    waiting = list(servo_ids)
    try:
        for _ in range(_REPEATS):
            bus.broadcast_write(register, 0)
        for _ in range(_CONFIRM_TRIES):
            if not waiting:
                break
            reply = bus.sync_read(
                waiting, register.address, register.size, timeout_s=_CONFIRM_TIMEOUT_S
            )
            waiting = [i for i in waiting if reply.data.get(i) != b"\0"]
            if waiting:
                bus.sync_write(register.address, dict.fromkeys(waiting, b"\x00"))
    except HalError:
        return tuple(waiting)  # the port is gone: no other servo can confirm
    return tuple(waiting)


def broadcast_torque_off(
    path: str, baud_rate: int = DEFAULT_BAUD_RATE, servo_ids: Sequence[int] = ()
) -> tuple[int, ...]:
    """Open the port, take torque off, close: for when the process that owned the port has died.

    Returns:
        Those of `servo_ids` that did not confirm it.

    Raises:
        PortError: the port cannot be opened; the servos stop by their own watchdog.
    """
    port = SerialPort(path, baud_rate)
    try:
        return torque_off(ServoBus(port), servo_ids)
    finally:
        port.close()
