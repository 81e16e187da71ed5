"""Is the line fast enough? Measured at each connection, since replugging resets the adaptor."""

import time

from hal.dynamixel.cycle import StateCycle
from hal.dynamixel.port import SerialPort
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.state_block import BLOCK
from hal.errors import HalError

_SAMPLES = 5
_USABLE = 0.9  # of a bus period


class BusCapacityError(HalError):
    """The line cannot carry what is asked of it.

    Reasons: LATENCY_TIMER, RATE_TOO_HIGH.
    """

    reason = "RATE_TOO_HIGH"


def check_latency_timer(port: SerialPort, settings: BusSettings) -> None:
    """Pass unless the adaptor holds back answers for longer than allowed.

    Raises:
        BusCapacityError: LATENCY_TIMER; the message has the command that cures it.
    """
    timer_ms = None if port.low_latency else port.latency_timer_ms()
    if timer_ms is None or timer_ms <= settings.latency_timer_max_ms:
        return
    raise BusCapacityError(
        f"the adaptor at {port.path} holds answers back for {timer_ms} ms, allowed are "
        f"{settings.latency_timer_max_ms} ms: echo 1 | sudo tee "
        f"/sys/bus/usb-serial/devices/$(basename $(realpath {port.path}))/latency_timer",
        reason="LATENCY_TIMER",
    )


def check_capacity(cycle: StateCycle, settings: BusSettings, period_s: float) -> None:
    """Pass when the fastest of a few cycles fits the periods; they bring the first answers too.

    The long way of reading is for servos that hold still, so it may take its time.

    Raises:
        BusCapacityError: RATE_TOO_HIGH.
        PortError: the port is gone.
    """
    cycle.run()
    if cycle.layout.dtype != BLOCK:
        return
    fastest_s = float("inf")
    for _ in range(_SAMPLES):
        started_ns = time.monotonic_ns()
        cycle.run()
        fastest_s = min(fastest_s, (time.monotonic_ns() - started_ns) / 1e9)
    wanted_s = min(period_s, settings.bus_period_s)
    if fastest_s > _USABLE * wanted_s:
        raise BusCapacityError(
            f"one look at all servos takes {fastest_s * 1e3:.1f} ms, the shortest period is "
            f"{wanted_s * 1e3:.1f} ms: use a longer period, a higher baud rate or no return delay",
            reason="RATE_TOO_HIGH",
        )
