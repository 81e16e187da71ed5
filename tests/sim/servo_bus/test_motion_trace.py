"""What is kept of the motion of joints that move as a test says."""

import itertools
from dataclasses import dataclass

import pytest

from sim.servo_bus.motion_trace import MotionSample, MotionTrace


@dataclass
class Drive:
    is_torque_on: bool = True
    is_following: bool = True


@dataclass
class Joint:
    drive: Drive
    velocity_rad_s: float = 0.0


def test_the_fastest_joint_and_all_torques_count():
    joints = [Joint(Drive()), Joint(Drive(False, False), -0.7), Joint(Drive(True, False), 0.2)]
    trace = MotionTrace(joints)  # type: ignore[arg-type]  # all that it looks at
    trace.take(100, 0)
    joints[1].velocity_rad_s = 0.0
    trace.take(200, 50)
    assert trace.since(0) == [MotionSample(100, 0, 0.7, 2, 1), MotionSample(200, 50, 0.2, 2, 1)]
    assert trace.since(101) == [MotionSample(200, 50, 0.2, 2, 1)]
    assert trace.since(251) == []


def test_a_running_bus_tells_how_its_joints_moved(bus):
    bus.set_register(11, "goal_position", 2200)
    bus.set_register(11, "torque_enable", 1)
    begun_ns = bus.state()["stamp_ns"]
    bus.set_register(11, "goal_position", 2200)
    # On its way, not only told to go: it has yet to begin when its torque is on, and may have sunk.
    bus.wait_for(lambda _: any(sample.speed_rad_s > 0.05 for sample in bus.motion(begun_ns)))
    bus.wait_for(lambda state: not state["moving"])
    samples = bus.motion(begun_ns)
    steps = {b.bus_ns - a.bus_ns for a, b in itertools.pairwise(samples)}
    assert steps == {2_500_000}
    assert {sample.torques for sample in samples} == {1}
    assert samples[0].bus_ns + samples[0].stalled_ns == pytest.approx(begun_ns, abs=50_000_000)
