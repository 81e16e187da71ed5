"""The simulated robots keep the robot contract, in virtual and in wall-clock time."""

from collections.abc import Iterator

import pytest

from hal.clock import Clock, ManualClock, WallClock
from hal.robot import Robot
from sim.robot import MujocoRobot
from sim.scene import Scene
from tests.conformance.robot import RobotContract


class SimulatedContract(RobotContract):
    @pytest.fixture
    def robot(self, clock: Clock, dclaw_scene: Scene) -> Iterator[Robot]:
        with MujocoRobot("dclaw", self.period_s, clock, dclaw_scene) as robot:
            yield robot


class TestLockstep(SimulatedContract):
    period_s = 0.1

    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock()


class TestWallClock(SimulatedContract):
    period_s = 0.02

    @pytest.fixture
    def clock(self) -> Clock:
        return WallClock()


class TestKitty(RobotContract):
    period_s = 0.1

    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock()

    @pytest.fixture
    def robot(self, clock: Clock, dkitty_scene: Scene) -> Iterator[Robot]:
        with MujocoRobot("dkitty", self.period_s, clock, dkitty_scene) as robot:
            yield robot
