"""Fingers that push against what does not give way: steps shrink, or a servo shuts itself down.

The valve stands between three fingers that are told to close over it.
"""

from collections.abc import Iterator

import numpy as np
import pytest

from hal.clock import WallClock
from hal.dynamixel.robot import DynamixelRobot
from hal.errors import HalError
from hal.lifecycle import Lifecycle
from hal.robots.dclaw import CURRENT_MAX_MA, DCLAW
from hal.safety import SafetyGate
from hal.types import JointCommand
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.hal.dynamixel.servo_rig import JOINT_IDS, pristine, running, tend, torques

PERIOD_S = 0.1
PUSHING = JointCommand(np.array([0.0, np.pi / 3, np.pi / 2] * 3))
MIDDLES = slice(1, None, 3)
STALL_MA = 2300.0


@pytest.fixture(scope="module")
def shared_bus() -> Iterator[RunningBus]:
    with start_virtual_bus("dclaw", record=None) as running_bus:
        yield running_bus


@pytest.fixture
def robot(shared_bus: RunningBus) -> Iterator[DynamixelRobot]:
    pristine(shared_bus)
    with running(shared_bus.port, comm_fault_s=1.0) as robot:
        yield robot


def errors(bus: RunningBus) -> dict[int, int]:
    """Hardware errors of the servos that have any."""
    found = {i: bus.table(i)["hardware_error_status"] for i in JOINT_IDS}
    return {servo_id: error for servo_id, error in found.items() if error}


def test_behind_the_gate_a_push_is_held_below_the_limit(shared_bus, robot):
    """For longer than a servo stands at full voltage, and than the gate bears above its limit."""
    gate, clock = SafetyGate(DCLAW, PERIOD_S), WallClock()
    start_ns = clock.now_ns()
    drawn, causes = [], set[str]()
    for cycle in range(50):
        clock.sleep_until(start_ns + round(cycle * PERIOD_S * 1e9))
        state = robot.read()
        verdict = gate.check(state, PUSHING, clock.now_ns())
        assert verdict.command is not None, verdict.message
        robot.write(verdict.command)
        causes |= set(verdict.causes)
        drawn.append(np.abs(state.joint_current_ma))
    late = np.array(drawn[-20:])
    pushing = late.mean(axis=0).max()
    assert "CURRENT_DERATED" in causes
    assert 0.6 * CURRENT_MAX_MA < pushing < CURRENT_MAX_MA
    assert late.max() < 0.85 * STALL_MA
    assert errors(shared_bus) == {}
    assert all(torques(shared_bus)[name] for name in DCLAW.joint_names)


def test_without_a_gate_a_stalled_joint_shuts_itself_down_and_is_told_by_name(shared_bus, robot):
    """As by a program of one's own on `hal`: full voltage for two seconds."""
    robot.write(PUSHING)
    tend(robot, 10, 0.1)
    drawn = np.abs(robot.read().joint_current_ma[MIDDLES])
    assert 0.8 * STALL_MA < drawn.max() <= STALL_MA
    assert min(shared_bus.table(i)["present_input_voltage"] for i in JOINT_IDS) < 115
    with pytest.raises(HalError) as caught:
        tend(robot, 40, 0.1)
    error = caught.value
    assert error.reason == "SERVO_OVERLOAD"
    (servo_id, bits), *_ = errors(shared_bus).items()
    assert bits == 1 << 5
    assert f"(servo {servo_id})" in str(error)
    assert robot.deactivate() == ()
    assert not any(torques(shared_bus).values())
    with pytest.raises(HalError) as caught:
        robot.activate()
    assert caught.value.reason == "SERVO_OVERLOAD"
    assert robot.lifecycle is Lifecycle.INACTIVE
    for name, latched in zip(DCLAW.joint_names, JOINT_IDS, strict=True):
        if latched in errors(shared_bus):
            robot.reboot_servo(name)
    robot.activate()
