"""A virtual bus, and what is wrong with it for the length of one test."""

from collections.abc import Callable, Iterator

import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.control_table import control_table_of
from services.bring_up.readout import SETTINGS, SETTINGS_OF_SOME, STATE, Readout
from services.bring_up.session import opened_bus
from services.bring_up.target import Target
from sim.servo_bus.client import RunningBus, start_virtual_bus

XM430 = 1020


@pytest.fixture(scope="session")
def running() -> Iterator[RunningBus]:
    """A D'Claw without a fault; each test leaves it as it was."""
    with start_virtual_bus("dclaw") as bus:
        yield bus


@pytest.fixture
def target(running: RunningBus) -> Target:
    return Target(default_calibration("dclaw"), port=running.port)


@pytest.fixture
def bus(running: RunningBus) -> Iterator[ServoBus]:
    with opened_bus(running.port, 1_000_000) as opened:
        yield opened


@pytest.fixture
def register(running: RunningBus) -> Iterator[Callable[[int, str, int], None]]:
    """Changes a register behind the servo's back; afterwards it is as before."""
    before: list[tuple[int, str, int]] = []

    def change(servo_id: int, name: str, value: int) -> None:
        before.append((servo_id, name, running.table(servo_id)[name]))
        running.set_register(servo_id, name, value)

    yield change
    for servo_id, name, value in reversed(before):
        running.set_register(servo_id, name, value)


@pytest.fixture
def fault(running: RunningBus) -> Iterator[Callable[..., None]]:
    """Puts a fault in force until the end of the test."""
    yield running.inject
    running.clear()


@pytest.fixture
def readout() -> Callable[..., Readout]:
    """Servo 11 as from the factory and set up for us, except for what is given."""
    table = control_table_of(XM430)

    def make(servo_id: int = 11, firmware: int = 45, **changed: int) -> Readout:
        values = {name: table[name].default for name in (*SETTINGS, *SETTINGS_OF_SOME, *STATE)}
        good = {
            "return_delay_time": 0,
            "present_position": 2048,
            "present_input_voltage": 120,
            "present_temperature": 30,
            "min_position_limit": 744,
            "max_position_limit": 3352,
        }
        unknown = set(changed) - set(values)
        assert not unknown, unknown
        return Readout(servo_id, "FFJ11", XM430, firmware, {**values, **good, **changed})

    return make


@pytest.fixture
def claw() -> Target:
    """A D'Claw of which only its name is needed."""
    return Target(default_calibration("dclaw"), port="/dev/ttyUSB0")
