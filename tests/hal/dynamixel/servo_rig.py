"""A D'Claw on a simulated servo bus, with the loop that a control process would run around it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from hal.clock import WallClock
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.robot import DynamixelRobot
from hal.dynamixel.settings import BusSettings
from hal.errors import HalError
from hal.robots.dclaw import DCLAW
from hal.types import JointCommand
from sim.servo_bus.client import RunningBus

IDS = (10, 11, 12, 20, 21, 22, 30, 31, 32, 50, 60)
JOINT_IDS = IDS[:9]

# Patient, for a machine with other work to do; tests of a limit set that one limit.
PATIENT = {
    "scan_s": 0.12,
    "bus_period_s": 0.1,
    "watchdog_s": 1.0,
    "comm_fault_s": 0.3,
    "cycle_budget_s": 0.1,
    "turnaround_s": 0.02,
    "soft_start_s": 0.1,
}


def make_robot(port: str, baud_rate: int = 1_000_000, **settings: object) -> DynamixelRobot:
    return DynamixelRobot(
        DCLAW,
        default_calibration("dclaw"),
        port,
        BusSettings(**(PATIENT | settings)),  # pyright: ignore[reportArgumentType]
        WallClock(),
        period_s=0.1,
        baud_rate=baud_rate,
    )


@contextmanager
def running(port: str, **settings: object) -> Iterator[DynamixelRobot]:
    """A robot that is ACTIVE."""
    with make_robot(port, **settings) as robot:
        robot.configure()
        robot.activate()
        yield robot


def pristine(bus: RunningBus) -> None:
    """Lift all faults and give every servo its supply anew; hang the fingers down, at rest."""
    bus.clear()
    for servo_id in IDS:
        bus.inject("brownout", servo_id=servo_id, silence_s=0.0)
    for joint in (*DCLAW.joint_names, "valve"):
        bus.set_joint(joint, 0.0)


def tend(robot: DynamixelRobot, cycles: int, period_s: float = 0.02) -> None:
    """Look at the bus so many times, as between control steps."""
    clock = WallClock()
    start_ns = clock.now_ns()
    for cycle in range(cycles):
        clock.sleep_until(start_ns + round(cycle * period_s * 1e9))
        robot.tend()


def fault_of(robot: DynamixelRobot, cycles: int = 100) -> HalError:
    """The fault that stops the robot within so many cycles."""
    try:
        tend(robot, cycles)
    except HalError as error:
        return error
    raise AssertionError(f"no fault in {cycles} cycles; {robot.health()}")


def torques(bus: RunningBus) -> dict[str, bool]:
    return {name: joint["torque_on"] for name, joint in bus.state()["joints"].items()}


def command(robot: DynamixelRobot, position_rad: float) -> JointCommand:
    return JointCommand(np.full(len(robot.spec.joints), position_rad))


def wait_until(condition, timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.01)
