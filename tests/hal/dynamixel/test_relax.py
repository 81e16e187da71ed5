from collections.abc import Iterator

import pytest

from hal.dynamixel.errors import PortError
from hal.dynamixel.relax import broadcast_torque_off
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.hal.dynamixel.servo_rig import IDS, JOINT_IDS, running, torques

VALVE_SERVO_ID = 50


@pytest.fixture
def bus() -> Iterator[RunningBus]:
    with start_virtual_bus("dclaw", record=None) as running:
        for servo_id in IDS:
            running.set_register(servo_id, "torque_enable", 1)
        yield running


def test_takes_torque_off_everybody_and_tells_who_did_not_confirm(bus: RunningBus):
    bus.inject("mute", servo_id=21)
    assert broadcast_torque_off(bus.port, servo_ids=JOINT_IDS) == (21,)
    assert [name for name, is_on in torques(bus).items() if is_on] == ["MFJ21"]


def test_a_robot_takes_torque_off_the_valve_too_and_tells_when_it_does_not_confirm(bus: RunningBus):
    with running(bus.port) as robot:
        bus.set_register(VALVE_SERVO_ID, "torque_enable", 1)
        assert robot.deactivate() == ()
        assert not torques(bus)["valve"]
        robot.activate()
        bus.inject("mute", servo_id=VALVE_SERVO_ID)
        assert robot.deactivate() == ("valve",)


def test_latched_error_does_not_keep_torque_off_from_being_confirmed(bus: RunningBus):
    bus.inject("voltage", servo_id=10)
    assert broadcast_torque_off(bus.port, servo_ids=JOINT_IDS) == ()
    assert not any(torques(bus).values())


def test_port_that_is_gone_is_told_of():
    with pytest.raises(PortError):
        broadcast_torque_off("/dev/does-not-exist", servo_ids=(1,))
