"""D'Kitty on the simulated bus: twelve servos, and a torso that only the tracker tells of."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from hal.clock import WallClock
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.robot import DynamixelRobot
from hal.dynamixel.settings import BusSettings
from hal.robot import ResetProgress
from hal.robots.dkitty import DKITTY
from hal.trackers.udp import UdpTracker
from hal.types import ResetTarget, RobotState
from sim.servo_bus.client import start_virtual_bus
from tests.hal.dynamixel.servo_rig import PATIENT

PERIOD_S = 0.1
CROUCH = np.array([0.0, np.pi / 4, -np.pi / 2] * 4)
CROUCH_HEIGHT_M = -0.056  # of the torso in the plain simulation, settled


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def active(initial: str) -> Iterator[DynamixelRobot]:
    listen, clock = f"127.0.0.1:{free_udp_port()}", WallClock()
    with start_virtual_bus("dkitty", initial=initial, tracker_udp=listen, record=None) as bus:
        robot = DynamixelRobot(
            DKITTY,
            default_calibration("dkitty"),
            bus.port,
            BusSettings(**PATIENT),  # pyright: ignore[reportArgumentType]
            clock,
            period_s=PERIOD_S,
            tracker=UdpTracker(("torso",), listen, stale_s=1.0, clock=clock),
        )
        with robot:
            robot.configure()
            robot.activate()
            yield robot


def reset(robot: DynamixelRobot, target: ResetTarget, calls: int) -> RobotState:
    clock = WallClock()
    start_ns = clock.now_ns()
    for call in range(calls):
        if robot.reset(target) is ResetProgress.DONE:
            return robot.read()
        clock.sleep_until(start_ns + round((call + 1) * PERIOD_S * 1e9))
    raise AssertionError(f"not done after {calls} calls: {robot.health()}")


def check_standing(state: RobotState, pose: list[float]) -> None:
    assert state.is_valid
    assert np.abs(state.joint_position_rad).max() < 0.15
    assert state.body_pose[0] == pytest.approx(pose, abs=0.05)


def test_stands_where_the_task_says_it_stands():
    pose = [0.0, 0.0, 0.0, 0.0, 0.0, 0.7]
    with active("stand") as robot:
        state = reset(robot, ResetTarget(np.zeros(12), np.zeros(0), np.array([pose])), 300)
        check_standing(state, pose)


def test_heights_count_from_straight_legs():
    with active("stand") as robot:
        target = ResetTarget(CROUCH, np.zeros(0), np.zeros((1, 6)))
        state = reset(robot, target, 300)
        assert state.joint_position_rad == pytest.approx(CROUCH, abs=0.1)  # servos sag
        assert state.body_pose[0, 2] == pytest.approx(CROUCH_HEIGHT_M, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("initial", ["lie", "upside-down"])
def test_gets_up(initial: str):
    with active(initial) as robot:
        target = ResetTarget(np.zeros(12), np.zeros(0), np.zeros((1, 6)))
        check_standing(reset(robot, target, 1500), [0.0] * 6)
