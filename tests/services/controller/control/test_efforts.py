"""What the loop does with joints that torques and forces drive: holding and stopping let go."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.errors import CommandError
from hal.safety import SafetyGate
from mbctl.config import StopConfig
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.lifecycle_machine import StopSequence
from sim.robot import MujocoRobot
from tests.conformance.driven_pendulum import SPEC, driven_pendulum

PERIOD_S = 0.02
CART, SWING, WRIST = range(3)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def guarded(define, tmp_path: Path, clock: ManualClock) -> Iterator[GuardedRobot]:
    define(driven_pendulum(tmp_path))
    with MujocoRobot(SPEC.model, PERIOD_S, clock) as robot:
        robot.configure()
        robot.activate()
        yield GuardedRobot(robot, SafetyGate(SPEC, PERIOD_S), clock)


def test_a_hold_takes_efforts_off_and_keeps_positions(guarded: GuardedRobot):
    before = guarded.hold_target(guarded.read())
    assert before.tolist() == [0.0, 0.0, 0.0]
    sent = guarded.send(guarded.read(), np.array([1.0, 1.0, 0.03]))
    assert sent.target.tolist() == [1.0, 1.0, 0.03]
    assert guarded.hold_target(guarded.read()).tolist() == [0.0, 0.0, 0.03]


def test_a_stop_exerts_nothing_from_its_beginning(guarded: GuardedRobot, clock: ManualClock):
    state = guarded.read()
    guarded.send(state, np.array([1.0, 1.0, 0.03]))
    settings = StopConfig(hold_s=0.2, ramp_s=0.4)
    held = guarded.hold_target(state)
    stop = StopSequence("TEST", held, clock.now_ns(), settings, SPEC.is_position)
    for at_s in (0.0, 0.1, 0.3, 0.5):
        target = stop.target(guarded.read(), clock.now_ns() + round(at_s * 1e9))
        assert target is not None
        assert target[:WRIST].tolist() == [0.0, 0.0]
    assert guarded.torque_off() == ()


def test_far_outside_its_range_such_a_joint_is_held_by_nothing(guarded: GuardedRobot):
    state = guarded.read()
    state.joint_position_rad[:] = [9.0, 9.0, 0.0]
    assert guarded.far_outside(state) == ()
    state.joint_position_rad[WRIST] = 3.0
    assert guarded.far_outside(state) == ("wrist",)


def test_no_position_can_be_asked_of_it(guarded: GuardedRobot):
    with pytest.raises(CommandError, match="'swing' is driven by torque") as caught:
        guarded.check_within(SWING, 0.1)
    assert caught.value.reason == "JOINT_WITHOUT_POSITION"
    guarded.check_within(WRIST, 0.1)


def test_a_torque_that_is_not_finite_is_a_fault(guarded: GuardedRobot):
    with pytest.raises(ControlFaultError, match="finite torque") as caught:
        guarded.send(guarded.read(), np.array([0.0, np.nan, 0.0]))
    assert caught.value.reason == "COMMAND_NOT_FINITE"
