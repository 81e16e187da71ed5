"""The contract of every robot, over servos that are simulated down to the byte.

Times are generous: the machine that runs this may be busy. The figures for real use are measured
elsewhere.
"""

from collections.abc import Iterator

import pytest

from hal.clock import WallClock
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.robot import DynamixelRobot
from hal.dynamixel.settings import BusSettings
from hal.robots.registry import robot_spec
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.conformance.robot import RobotContract


@pytest.fixture(scope="module")
def bus() -> Iterator[RunningBus]:
    with start_virtual_bus("dclaw", record=None) as running:
        yield running


class TestDynamixelRobot(RobotContract):
    period_s = 0.05
    reset_calls_max = 400

    @pytest.fixture
    def clock(self) -> WallClock:
        return WallClock()

    @pytest.fixture
    def robot(self, bus: RunningBus, clock: WallClock) -> Iterator[DynamixelRobot]:
        for joint in robot_spec("dclaw").joint_names:
            bus.set_joint(joint, 0.0)  # straight down: a limp finger stays there
        settings = BusSettings(
            scan_s=0.12,
            watchdog_s=2.0,
            comm_fault_s=1.0,
            cycle_budget_s=0.05,
            turnaround_s=0.02,
            soft_start_s=0.1,
        )
        model = robot_spec("dclaw")
        robot = DynamixelRobot(
            model, default_calibration("dclaw"), bus.port, settings, clock, period_s=self.period_s
        )
        with robot:
            yield robot
        torque = {n: j["torque_on"] for n, j in bus.state()["joints"].items()}
        assert not any(torque.values()), f"closing must leave the robot limp: {torque}"
