"""The motor behind a servo's registers: torque, current, duty cycle and heat of one physics step.

The loops of the firmware end in a duty cycle of the supply: with the factory's P gain of 800 an
XM430-W350 is as stiff as 19 Nm/rad until the duty cycle ends, 0.22 rad from the goal. Electrical
figures come from the makers' data sheets (stall torque, stall current and no-load speed at 12 V);
thermal figures are estimates. None was measured on a servo.
"""

from dataclasses import dataclass
from enum import Enum, auto
from math import copysign, inf, pi
from typing import NamedTuple

_STANDBY_C = 25.0
_NOMINAL_V = 12.0


class Control(Enum):
    """What the firmware regulates at this moment."""

    OFF = auto()
    POSITION = auto()
    VELOCITY = auto()
    CURRENT = auto()
    PWM = auto()


@dataclass(frozen=True, slots=True)
class Gains:
    """Gains of the loops; the first of each kind counts relative to the factory's.

    Attributes:
        stiffness_ratio: position P gain over the factory's.
        damping_s: extra derivative gain in units of the factory stiffness.
        integral_per_s: extra integral gain in units of the factory stiffness.
        feedforward_s: velocity feed-forward in units of the factory stiffness.
        velocity_ratio, velocity_integral_per_s: velocity P gain over the factory's, and I.
    """

    stiffness_ratio: float = 1.0
    damping_s: float = 0.0
    integral_per_s: float = 0.0
    feedforward_s: float = 0.0
    velocity_ratio: float = 1.0
    velocity_integral_per_s: float = 0.0


FACTORY_GAINS = Gains()


@dataclass(frozen=True, slots=True)
class FactoryLoops:
    """What the factory's gains come to, as duty cycle: 1 is the whole supply.

    Attributes:
        stiffness_per_rad: of the position P gain.
        damping_s: of the position D gain, in units of the stiffness.
        velocity_s_rad: of the velocity P gain, per rad/s.
    """

    stiffness_per_rad: float
    damping_s: float
    velocity_s_rad: float


class MotorCommand(NamedTuple):
    """Command of the firmware to the motor, in the frame of the shaft.

    Attributes:
        control: loop that is closed; OFF leaves the shaft free.
        position_rad: desired angle now (of the profile); 0 where none.
        velocity_rad_s: desired velocity now.
        current_a: goal of CURRENT; otherwise the most that may flow (infinite where not limited).
        pwm: goal of PWM, -1 to 1; otherwise the largest duty cycle, 0 to 1.
        gains: of the loop.
    """

    control: Control
    position_rad: float = 0.0
    velocity_rad_s: float = 0.0
    current_a: float = inf
    pwm: float = 1.0
    gains: Gains = FACTORY_GAINS

    @property
    def is_torque_on(self) -> bool:
        """Whether the motor is driven at all."""
        return self.control is not Control.OFF


@dataclass(frozen=True, slots=True)
class MotorParameters:
    """Figures of one kind of servo.

    Attributes:
        stall_torque_nm, stall_current_a, no_load_rad_s: at 12 V.
        thermal_resistance_k_w, thermal_capacity_j_k: winding and housing to air, as one body.
    """

    stall_torque_nm: float
    stall_current_a: float
    no_load_rad_s: float
    thermal_resistance_k_w: float = 10.0
    thermal_capacity_j_k: float = 60.0

    @property
    def torque_constant_nm_a(self) -> float:
        """Torque per current behind the gears."""
        return self.stall_torque_nm / self.stall_current_a

    @property
    def resistance_ohm(self) -> float:
        """Of the winding."""
        return _NOMINAL_V / self.stall_current_a

    @property
    def back_emf_v_s(self) -> float:
        """Voltage per shaft speed."""
        return _NOMINAL_V / self.no_load_rad_s


def _rpm(turns_per_minute: float) -> float:
    return turns_per_minute * 2 * pi / 60


XM430_W350_MOTOR = MotorParameters(4.1, 2.3, _rpm(46))
XM430_W210_MOTOR = MotorParameters(3.0, 2.3, _rpm(77))
XL430_W250_MOTOR = MotorParameters(1.5, 1.4, _rpm(61))

MOTORS = {1020: XM430_W350_MOTOR, 1030: XM430_W210_MOTOR, 1060: XL430_W250_MOTOR}
"""By model number."""


class MotorOutput(NamedTuple):
    """Result of one step.

    Attributes:
        torque_nm: on the shaft, at the speed that it has now.
        current_a: signed as the torque.
        pwm: duty cycle, -1 to 1.
        supply_current_a: drawn from the supply, not negative.
        damping_nm_s: by so much per rad/s the torque falls as the shaft gets faster within the
            step; with the little inertia of the joints an explicit step would be unstable. 0 where
            the torque does not depend on the speed.
    """

    torque_nm: float
    current_a: float
    pwm: float
    supply_current_a: float
    damping_nm_s: float = 0.0


IDLE = MotorOutput(0.0, 0.0, 0.0, 0.0)


class _Drive(NamedTuple):
    """Duty cycle that the firmware commands: `fixed` less `per_speed` times the shaft's speed."""

    fixed: float
    per_speed_s_rad: float = 0.0
    limit: float = 1.0
    current_max_a: float = inf


class Motor:
    """State of one motor: integral and temperature.

    Args:
        parameters: of the kind of servo.
        factory: what the gains of its firmware count from.
        ambient_c: temperature of the air, and of the motor at first.
    """

    def __init__(
        self, parameters: MotorParameters, factory: FactoryLoops, *, ambient_c: float = _STANDBY_C
    ) -> None:
        self._parameters = parameters
        self._constant = parameters.torque_constant_nm_a
        self._resistance = parameters.resistance_ohm
        self._back_emf = parameters.back_emf_v_s
        self._factory = factory
        self._ambient_c = ambient_c
        self.temperature_c = ambient_c
        self._integral = 0.0
        self._control = Control.OFF

    def step(
        self,
        command: MotorCommand,
        position_rad: float,
        velocity_rad_s: float,
        supply_v: float,
        duration_s: float,
    ) -> MotorOutput:
        """Torque to apply for the next `duration_s`, from the shaft's state now."""
        if command.control is not self._control:
            self._control, self._integral = command.control, 0.0
        if command.control is Control.OFF or supply_v <= 0:
            self._heat(0.0, duration_s)
            return IDLE
        stored = self._integral
        drive = self._drive(command, position_rad, velocity_rad_s, duration_s)
        output = self._output(drive, velocity_rad_s, supply_v)
        if abs(output.pwm) >= drive.limit or abs(output.current_a) >= drive.current_max_a:
            # Anti-windup: what cannot be delivered is not stored either.
            self._integral = stored
        self._heat(output.current_a, duration_s)
        return output

    def _drive(
        self, command: MotorCommand, position_rad: float, velocity_rad_s: float, duration_s: float
    ) -> _Drive:
        gains = command.gains
        if command.control is Control.PWM:
            return _Drive(command.pwm)
        if command.control is Control.CURRENT:
            goal_a = command.current_a
            return _Drive(copysign(1.0, goal_a), current_max_a=abs(goal_a))
        if command.control is Control.VELOCITY:
            factory = self._factory.velocity_s_rad
            error = command.velocity_rad_s - velocity_rad_s
            self._integral += gains.velocity_integral_per_s * error * duration_s
            per_speed = factory * gains.velocity_ratio
            fixed = per_speed * command.velocity_rad_s + factory * self._integral
            return _Drive(fixed, per_speed, command.pwm, command.current_a)
        return self._position_drive(command, command.position_rad - position_rad, duration_s)

    def _position_drive(self, command: MotorCommand, error_rad: float, duration_s: float) -> _Drive:
        gains, stiffness = command.gains, self._factory.stiffness_per_rad
        damping_s = self._factory.damping_s + gains.damping_s
        self._integral += gains.integral_per_s * error_rad * duration_s
        fixed = stiffness * (
            gains.stiffness_ratio * error_rad
            + (damping_s + gains.feedforward_s) * command.velocity_rad_s
            + self._integral
        )
        return _Drive(fixed, stiffness * damping_s, command.pwm, command.current_a)

    def _output(self, drive: _Drive, velocity_rad_s: float, supply_v: float) -> MotorOutput:
        """Inside the voltage that there is and the current that may flow."""
        wanted = drive.fixed - drive.per_speed_s_rad * velocity_rad_s
        pwm = min(max(wanted, -drive.limit), drive.limit)
        per_speed_v = self._back_emf
        if pwm == wanted:
            per_speed_v += supply_v * drive.per_speed_s_rad
        back_emf_v = self._back_emf * velocity_rad_s
        current_a = (pwm * supply_v - back_emf_v) / self._resistance
        if abs(current_a) > drive.current_max_a:
            current_a = copysign(drive.current_max_a, current_a)
            volts = current_a * self._resistance + back_emf_v
            pwm, per_speed_v = min(max(volts / supply_v, -1.0), 1.0), 0.0
        return MotorOutput(
            self._constant * current_a,
            current_a,
            pwm,
            max(0.0, pwm * current_a),
            self._constant * per_speed_v / self._resistance,
        )

    def _heat(self, current_a: float, duration_s: float) -> None:
        excess = self.temperature_c - self._ambient_c
        power = current_a**2 * self._resistance
        power -= excess / self._parameters.thermal_resistance_k_w
        self.temperature_c += power * duration_s / self._parameters.thermal_capacity_j_k


def bus_voltage(supply_v: float, supply_current_a: float, resistance_ohm: float = 0.1) -> float:
    """Voltage at the servos: it sags with what they draw together over cables and plugs."""
    return max(0.0, supply_v - resistance_ohm * supply_current_a)
