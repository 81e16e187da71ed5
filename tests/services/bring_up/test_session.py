"""The bus for the length of a command."""

import pytest

from hal.dynamixel.errors import PortError
from services.bring_up.finding import Level
from services.bring_up.readout import find_servo
from services.bring_up.session import opened_bus, port_failure
from sim.servo_bus.client import RunningBus


def test_the_port_is_free_again_whatever_happens(running: RunningBus):
    with pytest.raises(KeyError), opened_bus(running.port, 1_000_000):
        raise KeyError
    with opened_bus(running.port, 1_000_000) as bus:
        assert find_servo(bus, 11).servo_id == 11


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("PORT_PERMISSION", "usermod -aG dialout"),
        ("PORT_BUSY", "fuser -v /dev/ttyUSB0"),
        ("PORT_LOST", "dmesg"),
        ("PORT_SOMETHING_NEW", "by-id"),
    ],
)
def test_each_port_error_has_a_remedy(reason: str, remedy: str):
    finding = port_failure(PortError("is wrong", reason=reason), "/dev/ttyUSB0")
    assert finding.level is Level.FAIL
    assert remedy in finding.remedy
