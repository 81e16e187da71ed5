"""The robot on the shafts: the plain simulation's motion, and what a hand may do to it."""

from math import pi

import mujoco
import numpy as np
import pytest

from hal.dynamixel.units import POSITION_RAD
from hal.robots.registry import robot_spec
from sim.scene import build_scene
from sim.servo.motor import XM430_W350_MOTOR
from sim.servo_bus.bus import VirtualBus
from sim.servo_bus.settings import BusSettings


@pytest.fixture
def make_bus():
    buses: list[VirtualBus] = []

    def make(robot: str = "dclaw", initial: str = "") -> VirtualBus:
        buses.append(VirtualBus(BusSettings(robot=robot, initial=initial)))  # type: ignore[arg-type]
        return buses[-1]

    yield make
    for bus in buses:
        bus.close()


class Steps:
    """Steps a plant through the bus's own time."""

    def __init__(self, bus: VirtualBus) -> None:
        self.bus, self.now_ns = bus, bus.clock.now_ns()

    def run(self, count: int) -> None:
        for _ in range(count):
            self.now_ns += self.bus.plant.step_ns
            self.bus.plant.step(self.now_ns)
            self.bus.rack.load_supply()

    def write(self, servo_id: int, name: str, value: int) -> None:
        servo = next(s for s in self.bus.network.servos if s.servo_id == servo_id)
        servo.set_register(name, value, self.now_ns)


@pytest.mark.parametrize("robot", ["dclaw", "dkitty"])
def test_joints_move_as_in_the_plain_simulation(make_bus, robot):
    """Same state, goals of a control step: apart by no more than the servos' ticks explain."""
    steps = Steps(make_bus(robot))
    plant = steps.bus.plant
    spec = robot_spec(robot)
    joints = plant.shafts[: len(spec.joints)]
    centre = 0.5 * (spec.position_min_rad + spec.position_max_rad)
    present = np.array([shaft.position_rad for shaft in joints])
    targets = present + np.clip(centre - present, -0.3, 0.3)
    ticks = [
        round((q - s.joint.offset_rad) / s.joint.scale / POSITION_RAD)
        for q, s in zip(targets, joints, strict=True)
    ]
    for shaft, tick in zip(joints, ticks, strict=True):
        steps.write(shaft.joint.servo_id, "torque_enable", 1)
        steps.write(shaft.joint.servo_id, "goal_position", tick)
    scene = build_scene(spec)
    plain = mujoco.MjData(scene.model)
    plain.qpos[:], plain.qvel[:] = plant.data.qpos, plant.data.qvel
    plain.ctrl[scene.actuators] = [
        tick * POSITION_RAD * s.joint.scale + s.joint.offset_rad
        for tick, s in zip(ticks, joints, strict=True)
    ]
    steps.run(200)
    mujoco.mj_step(scene.model, plain, 200)
    moved = np.array([shaft.position_rad for shaft in joints])
    np.testing.assert_allclose(moved, plain.qpos[scene.joint_qpos], atol=1e-6)
    assert np.abs(moved - targets).max() < 0.2  # and they did go there


def test_a_joint_is_hardly_faster_than_its_motor_can_turn(make_bus):
    """A step of most of its range: the plain simulation's actuator reaches 45 rad/s there."""
    steps = Steps(make_bus("dclaw"))
    shaft = next(s for s in steps.bus.plant.shafts if s.joint.name == "FFJ12")
    servo_id = shaft.joint.servo_id
    middle = round((0.0 - shaft.joint.offset_rad) / shaft.joint.scale / POSITION_RAD)
    steps.write(servo_id, "torque_enable", 1)
    angles = [shaft.position_rad]
    for side in (-1000, 1000):
        steps.write(servo_id, "goal_position", middle + side)
        for _ in range(25):
            steps.run(8)
            angles.append(shaft.position_rad)
    fastest = np.abs(np.diff(angles)).max() / (8 * steps.bus.plant.step_s)
    assert 3.0 < fastest < 1.25 * XM430_W350_MOTOR.no_load_rad_s


def test_the_servos_count_what_the_joints_do(make_bus):
    bus = make_bus()
    steps = Steps(bus)
    bus.plant.set_joint("FFJ11", 0.5)
    steps.run(1)
    servo = next(s for s in bus.network.servos if s.servo_id == 11)
    shaft = bus.plant.shaft("FFJ11")
    expected = round((shaft.position_rad + pi) / POSITION_RAD)
    assert servo.register("present_position", steps.now_ns) == expected


def test_the_valve_is_driven_only_under_torque(make_bus):
    steps = Steps(make_bus())
    plant = steps.bus.plant
    steps.run(100)
    before = plant.shaft("valve").position_rad
    plant.disturb("valve", 0.05, steps.now_ns + 10**9)
    steps.run(200)
    pushed = plant.shaft("valve").position_rad
    assert abs(pushed - before) > 0.1  # back-driven by hand
    steps.run(400)
    steps.write(50, "torque_enable", 1)
    steps.write(50, "goal_position", 2048)
    steps.run(800)
    assert plant.shaft("valve").position_rad == pytest.approx(0.0, abs=0.05)


def test_the_valve_turns_on_and_on(make_bus):
    """The model stops it after a turn either way: episodes that start there never get so far."""
    steps = Steps(make_bus("dclaw"))
    valve = next(s for s in steps.bus.plant.shafts if s.joint.name == "valve")
    steps.bus.plant.set_joint("valve", 6.2)
    steps.run(1)
    steps.write(valve.joint.servo_id, "torque_enable", 1)
    ticks = round((6.2 + 0.5 - valve.joint.offset_rad) / POSITION_RAD)
    steps.write(valve.joint.servo_id, "goal_position", ticks % 4096)
    steps.run(400)
    assert valve.position_rad == pytest.approx(6.7, abs=0.1)


def test_the_guide_turns_by_hand_and_stops(make_bus):
    steps = Steps(make_bus())
    plant = steps.bus.plant
    plant.disturb("guide", 0.05, steps.now_ns + 10**8)
    assert plant.is_disturbed
    steps.run(400)
    guide = plant.shaft("guide")
    assert guide.position_rad > 0.05
    assert abs(guide.velocity_rad_s) < 1e-3
    assert not plant.is_disturbed


def test_a_standing_kitty_is_held_until_all_torques_are_on(make_bus):
    bus = make_bus("dkitty", "stand")
    steps = Steps(bus)
    steps.run(200)
    assert bus.plant.is_held
    np.testing.assert_allclose(bus.plant.body_pose(), np.zeros((1, 6)))
    for shaft in bus.plant.shafts:
        servo = next(s for s in bus.network.servos if s.servo_id == shaft.joint.servo_id)
        present = servo.register("present_position", steps.now_ns)
        steps.write(shaft.joint.servo_id, "goal_position", present)
        steps.write(shaft.joint.servo_id, "torque_enable", 1)
    steps.run(400)
    assert not bus.plant.is_held
    height, tilt = bus.plant.body_pose()[0, 2], np.abs(bus.plant.body_pose()[0, 3:5]).max()
    assert -0.1 < height < 0.01
    assert tilt < 0.2


@pytest.mark.parametrize(("initial", "up"), [("lie", 0.0), ("upside-down", -1.0)])
def test_a_fallen_kitty_lies_where_it_fell(make_bus, initial, up):
    plant = make_bus("dkitty", initial).plant
    _, _, _, a, b, _ = plant.body_pose()[0]
    assert np.cos(a) * np.cos(b) == pytest.approx(up, abs=0.35)
    assert not plant.is_moving
    assert not plant.is_held


def test_moved_by_magic(make_bus):
    plant = make_bus("dkitty").plant
    plant.set_body_pose([1.0, 2.0, 0.5, 0.0, 0.0, 0.3])
    assert not plant.is_held
    np.testing.assert_allclose(plant.body_pose(), [[1.0, 2.0, 0.5, 0.0, 0.0, 0.3]])
    with pytest.raises(ValueError, match="3 numbers of pose"):
        plant.set_body_pose([0.0, 0.0, 0.0])
    with pytest.raises(KeyError, match="no joint 'tail'"):
        plant.set_joint("tail", 0.0)


def test_the_plain_scene_is_left_alone(make_bus):
    scene = make_bus().plant.scene
    flags = int(scene.model.opt.disableflags)
    assert not flags & int(mujoco.mjtDisableBit.mjDSBL_ACTUATION)
