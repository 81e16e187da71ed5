"""Which measurements are hardware errors, and what the shutdown mask makes of them."""

import pytest

from hal.dynamixel.status import HardwareError
from sim.servo.protection import Limits, Protection
from tests.sim.servo.host import MS, make_host

LIMITS = Limits(temperature_c=80, max_voltage_v=16, min_voltage_v=9.5, stall_current_a=2.3)


@pytest.mark.parametrize(
    ("current_a", "temperature_c", "voltage_v", "error"),
    [
        (0.0, 25.0, 12.0, HardwareError(0)),
        (2.0, 80.0, 9.5, HardwareError(0)),
        (0.0, 80.1, 12.0, HardwareError.OVERHEATING),
        (0.0, 25.0, 9.4, HardwareError.INPUT_VOLTAGE),
        (0.0, 25.0, 16.1, HardwareError.INPUT_VOLTAGE),
    ],
)
def test_thresholds(
    current_a: float, temperature_c: float, voltage_v: float, error: HardwareError
) -> None:
    assert Protection().detect(LIMITS, current_a, temperature_c, voltage_v, 0) == error


def test_overload_needs_time_without_a_break() -> None:
    protection = Protection()

    def load(milliseconds: int, current_a: float) -> HardwareError:
        return protection.detect(LIMITS, current_a, 25.0, 12.0, milliseconds * MS)

    assert not load(0, -2.4)
    assert not load(1900, -2.4)
    assert not load(1950, 0.0)
    assert not load(2000, 2.4)
    assert not load(4000, 2.4)
    assert load(4001, 2.4) == HardwareError.OVERLOAD


@pytest.mark.parametrize(
    ("error", "shuts_down"),
    [
        (HardwareError.INPUT_VOLTAGE, False),
        (HardwareError.ENCODER, False),
        (HardwareError.OVERHEATING, True),
        (HardwareError.ELECTRICAL_SHOCK, True),
        (HardwareError.OVERLOAD, True),
    ],
)
def test_the_factory_mask(error: HardwareError, shuts_down: bool) -> None:
    host = make_host()
    host.write("torque_enable", 1)
    host.servo.trip(error, 0)
    assert host.read("torque_enable") == (0 if shuts_down else 1)
    assert host.read("hardware_error_status") == error
    assert host.write("led", 1) == 0x80


def test_limits_and_mask_are_those_of_the_registers() -> None:
    host = make_host()
    host.write("temperature_limit", 50)
    host.write("shutdown", 0)
    host.write("torque_enable", 1)
    host.servo.sense(0.0, 0.0, 0.0, 51.0, 12.0, 0)
    assert (host.read("hardware_error_status"), host.read("torque_enable")) == (4, 1)


def test_a_booting_servo_notices_nothing() -> None:
    host = make_host()
    host.servo.power_cycle(0)
    host.servo.sense(0.0, 0.0, 0.0, 25.0, 5.0, 100 * MS)
    assert host.at(400).read("hardware_error_status") == 0
