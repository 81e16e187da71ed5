"""The robot on the shafts: the plain simulation's motion, and what a hand may do to it."""

from math import pi

import mujoco
import numpy as np
import pytest

from hal.dynamixel.status import HardwareError
from hal.dynamixel.units import POSITION_RAD
from hal.robots.registry import robot_spec
from sim.scene import build_scene
from sim.servo.motor import XM430_W350_MOTOR
from sim.servo_bus.bus import VirtualBus
from sim.servo_bus.settings import VirtualBusSettings


@pytest.fixture
def make_bus():
    buses: list[VirtualBus] = []

    def make(robot: str = "dclaw", initial: str = "", **options: str) -> VirtualBus:
        settings = VirtualBusSettings(robot=robot, initial=initial, **options)  # type: ignore[arg-type]
        buses.append(VirtualBus(settings))
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

    def read(self, joint: str, name: str) -> int:
        servo_id = self.bus.plant.shaft(joint).joint.servo_id
        servo = next(s for s in self.bus.network.servos if s.servo_id == servo_id)
        return servo.register(name, self.now_ns)

    def torque_on(self) -> None:
        """All joints hold where they are."""
        self.run(1)
        for shaft in self.bus.plant.shafts[: len(self.bus.plant.spec.joints)]:
            present = self.read(shaft.joint.name, "present_position")
            self.write(shaft.joint.servo_id, "goal_position", present)
            self.write(shaft.joint.servo_id, "torque_enable", 1)

    def turn_by(self, joint: str, ticks: int) -> None:
        goal = self.read(joint, "goal_position") + ticks
        self.write(self.bus.plant.shaft(joint).joint.servo_id, "goal_position", goal)

    def go_to(self, joint: str, angle_rad: float) -> None:
        servo = self.bus.plant.shaft(joint).joint
        ticks = round((angle_rad - servo.offset_rad) / servo.scale / POSITION_RAD)
        self.write(servo.servo_id, "goal_position", ticks)


@pytest.mark.parametrize("robot", ["dclaw", "dkitty"])
def test_joints_move_as_in_the_plain_simulation(make_bus, robot):
    """Same state, goals of a control step: apart by no more than the servos' ticks explain."""
    steps = Steps(make_bus(robot, actuator="robel"))
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


def test_a_step_takes_the_duty_cycle_and_the_current_of_a_real_servo(make_bus):
    """PWM of P gain times error; at rest the current is what that voltage drives through a motor.

    The model's soft actuators take a quarter of it for D'Kitty, a tenth for D'Claw.
    """
    for robot, name in (("dclaw", "FFJ12"), ("dkitty", "A:FRJ11")):
        steps = Steps(make_bus(robot))
        steps.torque_on()
        steps.run(400)
        steps.turn_by(name, 137)  # 0.21 rad
        steps.run(1)
        assert abs(steps.read(name, "present_pwm")) == pytest.approx(856, abs=5)
        assert abs(steps.read(name, "present_current")) * 2.69 == pytest.approx(2226, abs=30)
        steps.run(39)
        assert abs(steps.read(name, "present_current")) * 2.69 < 600  # under way: back-EMF
        steps.run(200)
        error = steps.read(name, "goal_position") - steps.read(name, "present_position")
        assert abs(error) * POSITION_RAD < 0.03


def test_half_the_p_gain_is_half_as_stiff(make_bus):
    sags = []
    for gain in (800, 400):
        steps = Steps(make_bus("dclaw"))
        steps.torque_on()
        steps.write(12, "position_p_gain", gain)
        steps.run(400)
        before = steps.bus.plant.shaft("FFJ12").position_rad
        steps.bus.plant.disturb("FFJ12", 0.5, steps.now_ns + 10**10)
        steps.run(400)
        sags.append(steps.bus.plant.shaft("FFJ12").position_rad - before)
    assert sags[0] == pytest.approx(0.5 / 18.9, rel=0.03)
    assert sags[1] == pytest.approx(2 * sags[0], rel=0.03)


def test_a_pwm_limit_and_an_i_gain_work_in_contact_with_a_load(make_bus):
    """A tenth of the duty cycle holds a tenth of the stall torque; an I gain brings a sag back."""
    steps = Steps(make_bus("dclaw"))
    steps.write(12, "pwm_limit", 88)
    steps.torque_on()
    steps.write(22, "position_i_gain", 2000)
    steps.run(400)
    for name in ("FFJ12", "MFJ22"):
        steps.bus.plant.disturb(name, 0.5, steps.now_ns + 10**10)
    steps.run(1200)
    assert abs(steps.read("FFJ12", "present_pwm")) <= 88
    assert steps.bus.plant.shaft("FFJ12").position_rad > 0.3  # pushed over
    error = steps.read("MFJ22", "goal_position") - steps.read("MFJ22", "present_position")
    assert abs(error) <= 3


def test_fingers_against_the_valve_load_the_supply_and_shut_themselves_down(make_bus):
    """Three fingers are told to go where the valve is, as a policy without a gate would do it."""
    steps = Steps(make_bus("dclaw"))
    steps.torque_on()
    for name in ("FFJ11", "MFJ21", "THJ31"):
        steps.go_to(name, pi / 3)
    for name in ("FFJ12", "MFJ22", "THJ32"):
        steps.go_to(name, pi / 2)
    steps.run(600)  # 1.5 s
    stalled = steps.read("FFJ11", "present_current") * 2.69
    assert 1800 < stalled < 2300
    assert steps.bus.rack.supply.voltage_v < 11.3
    assert steps.read("FFJ11", "present_input_voltage") <= 113
    assert steps.read("FFJ11", "hardware_error_status") == 0
    steps.run(600)
    assert steps.read("FFJ11", "hardware_error_status") == HardwareError.OVERLOAD
    assert steps.read("FFJ11", "torque_enable") == 0
    assert steps.read("FFJ10", "hardware_error_status") == 0  # it holds, and less than that


def test_all_motors_that_start_at_once_pull_the_supply_down_for_a_moment(make_bus):
    """Until back-EMF has grown. A weaker supply would pass 10 V, where a lasting sag is a fault."""
    steps = Steps(make_bus("dkitty", "lie"))
    steps.torque_on()
    steps.run(100)
    for shaft in steps.bus.plant.shafts:
        inwards = 400 if shaft.position_rad * shaft.joint.scale < 0 else -400  # 0.6 rad
        steps.turn_by(shaft.joint.name, inwards)
    volts = []
    for _ in range(200):
        steps.run(1)
        volts.append(steps.bus.rack.supply.voltage_v)
    low = np.array(volts) < 11.0
    assert low.any()
    assert low.sum() * steps.bus.plant.step_s < 0.2
    assert volts[-1] > 11.5
    errors = {steps.read(s.joint.name, "hardware_error_status") for s in steps.bus.plant.shafts}
    assert errors == {0}  # 9.5 V is the servos' own limit


def test_the_soft_actuator_of_the_model_never_overloads_there(make_bus):
    steps = Steps(make_bus("dclaw", actuator="robel"))
    steps.torque_on()
    for name in ("FFJ11", "MFJ21", "THJ31"):
        steps.go_to(name, pi / 3)
    for name in ("FFJ12", "MFJ22", "THJ32"):
        steps.go_to(name, pi / 2)
    steps.run(1200)
    assert steps.read("FFJ11", "hardware_error_status") == 0
    assert abs(steps.read("FFJ11", "present_current")) * 2.69 < 1400


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
