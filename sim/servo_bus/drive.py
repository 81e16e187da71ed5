"""A virtual servo with its motor, on one shaft of the plant, fed by the common supply."""

from collections.abc import Callable

from hal.description import ServoJoint
from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.units import BAUD_RATES
from sim.servo.motor import IDLE, MOTORS, Motor, MotorOutput, bus_voltage
from sim.servo.regulator import factory_loops
from sim.servo.robel_motor import RobelMotor
from sim.servo.servo import VirtualServo
from sim.servo_bus.faults import FaultInjector
from sim.servo_bus.settings import Actuator, VirtualBusSettings

SUPPLY_V = 12.0
# Of the way to what the load says, in each physics step: capacitors on every servo's board keep the
# voltage up for a moment. Without them a step of all goals would sag once by more than it can.
_SAG_SHARE = 0.5
_BAUD_INDEX = {baud: index for index, baud in BAUD_RATES.items()}
_RETURN_DELAY_UNIT_US = 2


def build_servo(settings: VirtualBusSettings, servo_id: int) -> VirtualServo:
    """A servo as the robot's builder set it: id, line rate and return delay; the rest factory."""
    table = control_table_of(settings.model_of(servo_id))
    servo = VirtualServo(servo_id, table, settings.firmware, settings.feed)
    servo.set_register("baud_rate", _BAUD_INDEX[settings.baud], 0)
    delay = round(settings.return_delay_us / _RETURN_DELAY_UNIT_US)
    servo.set_register("return_delay_time", delay, 0)
    return servo


class Supply:
    """The power supply and the cable that all servos share."""

    def __init__(self) -> None:
        self.voltage_v = SUPPLY_V

    def load(self, current_a: float) -> None:
        """Sag under what the servos draw together."""
        self.voltage_v += _SAG_SHARE * (bus_voltage(SUPPLY_V, current_a) - self.voltage_v)


class ServoDrive:
    """One servo, its motor and its shaft.

    Args:
        servo: firmware and control table.
        motor: on its shaft.
        supply: what feeds it.
        faults: heat and sag that are asked for replace what the models say.
    """

    def __init__(
        self,
        servo: VirtualServo,
        motor: Motor,
        supply: Supply,
        faults: FaultInjector,
    ) -> None:
        self.servo = servo
        self.motor = motor
        self.output = IDLE
        self._supply = supply
        self._faults = faults

    @property
    def is_torque_on(self) -> bool:
        """Whether the servo drives its shaft."""
        return self.servo.is_torque_on

    @property
    def is_following(self) -> bool:
        """Whether the servo drives its shaft to a goal: it has torque, watchdog not tripped."""
        return self.servo.is_torque_on and not self.servo.watchdog.is_tripped

    def drive(
        self, position_rad: float, velocity_rad_s: float, step_s: float, now_ns: int
    ) -> MotorOutput:
        """Torque on the shaft for the next step, and how it falls with the speed."""
        command = self.servo.motor_command(now_ns)
        voltage_v = self._supply.voltage_v
        self.output = self.motor.step(command, position_rad, velocity_rad_s, voltage_v, step_s)
        return self.output

    def sense(self, position_rad: float, velocity_rad_s: float, now_ns: int) -> None:
        """Let the servo measure its shaft, its motor and its supply."""
        voltage_v = self._supply.voltage_v
        if not self._faults.is_empty:
            voltage_v = self._falsified_supply(voltage_v)
        self.servo.sense(
            position_rad,
            velocity_rad_s,
            self.output.current_a,
            self.motor.temperature_c,
            voltage_v,
            now_ns,
            self.output.pwm,
        )

    def _falsified_supply(self, voltage_v: float) -> float:
        """Heat the motor as faults ask for; the voltage with the sag that they ask for."""
        servo_id = self.servo.servo_id
        for fault in self._faults.in_force("temperature"):
            if fault.servo_id == servo_id:
                self.motor.temperature_c = fault.values["temperature_c"]
        for fault in self._faults.in_force("voltage_sag"):
            if fault.servo_id in (None, servo_id):
                voltage_v = fault.values["voltage_v"]
        return voltage_v


class DriveRack:
    """Makes the servos of a robot and keeps them together.

    Args:
        make_servo: the servo of an ID, as the bus is to start with it.
        faults: what may befall them.
        actuator: whose stiffness the shafts have: the servos' own, or the model's actuators'.
    """

    def __init__(
        self,
        make_servo: Callable[[int], VirtualServo],
        faults: FaultInjector,
        actuator: Actuator = "servo",
    ) -> None:
        self._make_servo = make_servo
        self._actuator = actuator
        self._faults = faults
        self.supply = Supply()
        self.drives: list[ServoDrive] = []

    def __call__(self, joint: ServoJoint, stiffness_nm_rad: float) -> ServoDrive:
        """The drive of `joint`."""
        servo = self._make_servo(joint.servo_id)
        motor = self._motor(servo, stiffness_nm_rad)
        drive = ServoDrive(servo, motor, self.supply, self._faults)
        self.drives.append(drive)
        return drive

    def _motor(self, servo: VirtualServo, stiffness_nm_rad: float) -> Motor:
        parameters, loops = MOTORS[servo.table.model_number], factory_loops(servo.table)
        if self._actuator == "servo":
            return Motor(parameters, loops)
        # The plain simulation's actuators know no voltage: a finger that snaps free there is faster
        # than any motor, which a client would rightly take for a broken encoder.
        return RobelMotor(parameters, loops, stiffness_nm_rad, saturates=True)

    def load_supply(self) -> None:
        """Let the supply feel what all motors draw."""
        self.supply.load(sum(drive.output.supply_current_a for drive in self.drives))
