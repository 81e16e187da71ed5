"""The motor behind a servo's registers: torque, current, duty cycle and heat of one physics step.

With factory gains a joint moves exactly as the position actuator of the plain simulation, whose
stiffness it takes over: torque = stiffness * (position P gain / factory P gain) * (goal - angle).
Electrical figures come from the makers' data sheets (stall torque, stall current and no-load speed
at 12 V); thermal figures are estimates. None was measured on a servo.
"""

from dataclasses import dataclass
from enum import Enum, auto
from math import inf, pi
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


class MotorCommand(NamedTuple):
    """What the firmware asks of the motor, in the frame of the shaft.

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
        velocity_gain_nm_s: torque per velocity error in velocity mode with the factory's P gain.
        thermal_resistance_k_w, thermal_capacity_j_k: winding and housing to air, as one body.
    """

    stall_torque_nm: float
    stall_current_a: float
    no_load_rad_s: float
    velocity_gain_nm_s: float = 1.0
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
        torque_nm: on the shaft.
        current_a: signed as the torque.
        pwm: duty cycle, -1 to 1.
        supply_current_a: drawn from the supply, not negative.
    """

    torque_nm: float
    current_a: float
    pwm: float
    supply_current_a: float


IDLE = MotorOutput(0.0, 0.0, 0.0, 0.0)


class Motor:
    """State of one motor: integrals, filtered speed and temperature.

    Args:
        parameters: of the kind of servo.
        stiffness_nm_rad: of the position actuator in the plain simulation.
        saturates: whether torque and speed in position modes end where the supply's voltage does.
            False as in the plain simulation, whose actuators have no limit; a duty cycle limited
            below 1 limits in either case.
        ambient_c: temperature of the air, and of the motor at first.
    """

    # The model's joints have so little inertia (0.001 kg m2) that an explicit step of 2.5 ms with
    # the whole back-EMF would be unstable; with a speed filtered like this it is not.
    _SPEED_FILTER_S = 0.005

    def __init__(
        self,
        parameters: MotorParameters,
        stiffness_nm_rad: float,
        *,
        saturates: bool = False,
        ambient_c: float = _STANDBY_C,
    ) -> None:
        self._parameters = parameters
        self._constant = parameters.torque_constant_nm_a
        self._resistance = parameters.resistance_ohm
        self._back_emf = parameters.back_emf_v_s
        self._stiffness = stiffness_nm_rad
        self._saturates = saturates
        self._ambient_c = ambient_c
        self.temperature_c = ambient_c
        self._speed = 0.0
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
        share = duration_s / (self._SPEED_FILTER_S + duration_s)
        self._speed += share * (velocity_rad_s - self._speed)
        if command.control is not self._control:
            self._control, self._integral = command.control, 0.0
        if command.control is Control.OFF or supply_v <= 0:
            self._heat(0.0, duration_s)
            return IDLE
        stored = self._integral
        wanted_nm = self._wanted_torque(command, position_rad, velocity_rad_s, supply_v, duration_s)
        torque_nm = self._limit(command, wanted_nm, supply_v)
        if torque_nm != wanted_nm:
            # Anti-windup: what cannot be delivered is not stored either.
            self._integral = stored
        return self._output(torque_nm, supply_v, duration_s)

    def _wanted_torque(
        self,
        command: MotorCommand,
        position_rad: float,
        velocity_rad_s: float,
        supply_v: float,
        duration_s: float,
    ) -> float:
        constant, gains = self._constant, command.gains
        if command.control is Control.CURRENT:
            return constant * command.current_a
        if command.control is Control.PWM:
            return constant * self._current_at(command.pwm * supply_v)
        if command.control is Control.VELOCITY:
            error = command.velocity_rad_s - self._speed
            self._integral += gains.velocity_integral_per_s * error * duration_s
            return self._parameters.velocity_gain_nm_s * (
                gains.velocity_ratio * error + self._integral
            )
        error = command.position_rad - position_rad
        slip = command.velocity_rad_s - velocity_rad_s
        self._integral += gains.integral_per_s * error * duration_s
        return self._stiffness * (
            gains.stiffness_ratio * error
            + gains.damping_s * slip
            + gains.feedforward_s * command.velocity_rad_s
            + self._integral
        )

    def _limit(self, command: MotorCommand, wanted_nm: float, supply_v: float) -> float:
        """Inside the current that may flow and the voltage that there is."""
        if command.control in (Control.CURRENT, Control.PWM):
            largest_pwm = 1.0
        elif command.control is Control.VELOCITY or self._saturates:
            largest_pwm = command.pwm
        else:
            largest_pwm = command.pwm if command.pwm < 1 else inf
        constant = self._constant
        low = constant * self._current_at(-largest_pwm * supply_v)
        high = constant * self._current_at(largest_pwm * supply_v)
        torque_nm = min(max(wanted_nm, low), high)
        if command.control is not Control.CURRENT:
            most_nm = constant * command.current_a
            torque_nm = min(max(torque_nm, -most_nm), most_nm)
        return torque_nm

    def _output(self, torque_nm: float, supply_v: float, duration_s: float) -> MotorOutput:
        current_a = torque_nm / self._constant
        volts = current_a * self._resistance
        volts += self._back_emf * self._speed
        pwm = min(max(volts / supply_v, -1.0), 1.0)
        self._heat(current_a, duration_s)
        return MotorOutput(torque_nm, current_a, pwm, max(0.0, pwm * current_a))

    def _current_at(self, volts: float) -> float:
        back_emf = self._back_emf * self._speed
        return (volts - back_emf) / self._resistance

    def _heat(self, current_a: float, duration_s: float) -> None:
        excess = self.temperature_c - self._ambient_c
        power = current_a**2 * self._resistance
        power -= excess / self._parameters.thermal_resistance_k_w
        self.temperature_c += power * duration_s / self._parameters.thermal_capacity_j_k


def bus_voltage(supply_v: float, supply_current_a: float, resistance_ohm: float = 0.1) -> float:
    """Voltage at the servos: it sags with what they draw together over cables and plugs."""
    return max(0.0, supply_v - resistance_ohm * supply_current_a)
