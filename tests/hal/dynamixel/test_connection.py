"""Activation that fails half way; what a robot refuses to connect to is in tests/faults."""

from collections.abc import Iterator

import pytest

from hal.errors import HalError
from hal.lifecycle import Lifecycle
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.hal.dynamixel.servo_rig import (
    make_robot,
    pristine,
    torques,
)


@pytest.fixture(scope="module")
def shared_bus() -> Iterator[RunningBus]:
    with start_virtual_bus("dclaw", record=None) as bus:
        yield bus


@pytest.fixture
def bus(shared_bus: RunningBus) -> Iterator[RunningBus]:
    pristine(shared_bus)
    yield shared_bus
    shared_bus.clear()


def test_servo_that_falls_silent_during_activation_leaves_all_limp(bus: RunningBus):
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject("mute", servo_id=32)
        with pytest.raises(HalError) as caught:
            robot.activate()
        assert caught.value.reason == "SERVO_SILENT"
        assert "THJ32" in str(caught.value)
        assert robot.lifecycle is Lifecycle.INACTIVE
    assert not any(torques(bus).values())
