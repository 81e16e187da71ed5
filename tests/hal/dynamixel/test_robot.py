"""A robot on the bus; what befalls servos, port and line is in tests/faults."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.robot import DynamixelRobot
from hal.dynamixel.servo_group import ServoGroup
from hal.dynamixel.settings import BusSettings
from hal.errors import RobotReadError
from hal.robot import ResetProgress
from hal.robots.dclaw import DCLAW
from hal.robots.dkitty import DKITTY
from hal.types import ResetTarget
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.hal.dynamixel.servo_rig import (
    JOINT_IDS,
    command,
    make_robot,
    pristine,
    running,
    tend,
    torques,
)


@pytest.fixture(scope="module")
def shared_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    link = tmp_path_factory.mktemp("bus") / "port"
    with start_virtual_bus("dclaw", record=None, port_link=str(link)) as bus:
        yield bus


@pytest.fixture
def bus(shared_bus: RunningBus) -> Iterator[RunningBus]:
    pristine(shared_bus)
    yield shared_bus
    shared_bus.clear()


@pytest.fixture
def robot(bus: RunningBus) -> Iterator[DynamixelRobot]:
    with running(bus.port) as active:
        yield active


def move_and_look(robot: DynamixelRobot, cycles: int) -> None:
    """Command a slow wave, looking at the bus in between; every state must be plausible."""
    for cycle in range(cycles):
        robot.write(command(robot, 0.1 * np.sin(cycle / 5)))
        state = robot.read()
        assert np.abs(state.joint_position_rad).max() < 0.5
        assert np.abs(state.joint_velocity_rad_s).max() < 3 * 2.1
        tend(robot, 1)


@pytest.mark.parametrize(("fault", "values"), [("duplicate", {}), ("delay", {"delay_s": 0.005})])
def test_disturbed_answers_give_no_wrong_value(
    bus: RunningBus, fault: str, values: dict[str, float]
):
    with running(bus.port, comm_fault_s=3.0) as robot:
        bus.inject(fault, probability=0.1, **values)
        move_and_look(robot, 15)
        bus.clear()
        tend(robot, 5)
        assert robot.read().valid.all()


def test_lost_goal_is_sent_again(bus: RunningBus, robot: DynamixelRobot):
    sent = robot.write(command(robot, 0.1)).target
    tend(robot, 1)
    bus.set_register(10, "goal_position", 1000)
    tend(robot, 2)
    goal = default_calibration("dclaw").to_ticks(sent)[0]
    assert bus.table(10)["goal_position"] == goal
    assert robot.health().counters["goals_resent"] >= 1


def test_answers_lost_at_the_end_of_the_soft_start_stop_nothing(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
):
    with running(bus.port, soft_start_s=0.05) as robot:
        read, lost = ServoGroup.read, iter(["profile_velocity"] * 2)

        def read_or_lose(group: ServoGroup, name: str) -> dict[int, int]:
            if name == next(lost, None):
                raise RobotReadError("no answer from MFJ22", reason="SERVO_SILENT")
            return read(group, name)

        monkeypatch.setattr(ServoGroup, "read", read_or_lose)
        tend(robot, 8)
        assert next(lost, None) is None
        assert {bus.table(i)["profile_velocity"] for i in JOINT_IDS} == {0}


# What an episode ended in: three fingers stretched out hold the valve, and so each other.
CAUGHT_RAD = (-0.12, 0.5, 0.11, -0.19, 0.61, 0.37, -0.24, 0.36, 0.7)
CAUGHT_VALVE_RAD = 2.47


def test_fingers_that_hold_the_valve_together_are_led_out(bus: RunningBus):
    for name, angle in zip(DCLAW.joint_names, CAUGHT_RAD, strict=True):
        bus.set_joint(name, angle)
    bus.set_joint("valve", CAUGHT_VALVE_RAD)
    start = ResetTarget(np.array([0.0, -1.0, 1.05] * 3), np.array([0.3]))
    with running(bus.port, soft_start_s=1.0) as robot:
        for _ in range(300):
            state = robot.read()
            if robot.reset(start) is ResetProgress.DONE:
                break
            tend(robot, 5)
        else:
            raise AssertionError("the reset does not end")
    assert np.abs(state.joint_position_rad - start.joint_position_rad).max() < np.radians(6)


def test_a_valve_that_is_held_back_gets_half_of_the_voltage_at_most(bus: RunningBus):
    """All of it for two seconds would be an overload, and the valve's servo off until rebooted."""
    start = ResetTarget(np.array(DCLAW.home_position_rad), np.array([2.5]))
    seen: list[int] = []
    with running(bus.port) as robot:
        for _ in range(300):
            if robot.reset(start) is ResetProgress.DONE:
                break
            tend(robot, 5)
            if torques(bus)["valve"] and len(seen) < 15:
                bus.disturb("valve", -2.0, 0.15)
                seen.append(abs(bus.table(50)["present_pwm"]))
        assert robot.read().object_position_rad == pytest.approx([2.5], abs=np.radians(6))
    assert 400 < max(seen) <= 443
    assert bus.table(50)["hardware_error_status"] == 0


def test_closing_leaves_it_limp(bus: RunningBus):
    with running(bus.port) as robot:
        assert all(torques(bus)[name] for name in DCLAW.joint_names)
        robot.close()
        assert not any(torques(bus).values())


def test_parts_of_another_robot_are_refused(tmp_path: Path):
    port, settings = str(tmp_path / "port"), BusSettings()
    calibration = default_calibration("dkitty")
    clock = make_robot("port")._clock  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(ValueError, match="the calibration is of a dkitty"):
        DynamixelRobot(DCLAW, calibration, port, settings, clock, period_s=0.1)
    with pytest.raises(ValueError, match="torso"):
        DynamixelRobot(DKITTY, calibration, port, settings, clock, period_s=0.1)
    with pytest.raises(ValueError, match="period_s is 0"):
        DynamixelRobot(DCLAW, default_calibration("dclaw"), port, settings, clock, period_s=0.0)
