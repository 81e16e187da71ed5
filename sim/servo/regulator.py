"""From registers and profile to what the motor is asked for, by operating mode.

Gains count relative to the factory's, which stand for the stiffness of the simulated joint. Source:
e-manual, Operating Mode (11), Velocity PI (76, 78), Position PID Gain (80 to 84), Goal PWM (100).
"""

from dataclasses import dataclass
from enum import IntEnum
from math import inf

from hal.dynamixel import units
from hal.dynamixel.control_table import ControlTable
from sim.servo.encoder import Encoder
from sim.servo.memory import Memory
from sim.servo.motion import COUNTS_PER_S, Motion
from sim.servo.motor import Control, MotorCommand

# The manual gives the gains' divisors but not the period of the loop that they belong to.
_LOOP_PERIOD_S = 1e-3

OFF = MotorCommand(Control.OFF)


class OperatingMode(IntEnum):
    """Values of register 11."""

    CURRENT = 0
    VELOCITY = 1
    POSITION = 3
    EXTENDED_POSITION = 4
    CURRENT_BASED_POSITION = 5
    PWM = 16

    @property
    def is_position(self) -> bool:
        """Whether a goal position is followed."""
        return self in (
            OperatingMode.POSITION,
            OperatingMode.EXTENDED_POSITION,
            OperatingMode.CURRENT_BASED_POSITION,
        )


@dataclass(frozen=True, slots=True)
class Gains:
    """Fields of `MotorCommand` that depend on registers alone."""

    stiffness_ratio: float
    damping_s: float
    integral_per_s: float
    feedforward_s: float
    velocity_ratio: float
    velocity_integral_per_s: float

    @classmethod
    def of(cls, memory: Memory, table: ControlTable) -> "Gains":
        """Of the present registers, in units of the factory's proportional gains."""

        def excess(name: str) -> int:
            return memory[name] - table[name].default

        position_p = table["position_p_gain"].default / units.POSITION_P_DIVISOR
        velocity_p = table["velocity_p_gain"].default / units.VELOCITY_P_DIVISOR
        damping = excess("position_d_gain") / units.POSITION_D_DIVISOR * _LOOP_PERIOD_S
        integral = excess("position_i_gain") / units.POSITION_I_DIVISOR / _LOOP_PERIOD_S
        forward = memory["feedforward_1st_gain"] / units.FEEDFORWARD_DIVISOR * _LOOP_PERIOD_S
        velocity_i = memory["velocity_i_gain"] / units.VELOCITY_I_DIVISOR / _LOOP_PERIOD_S
        return cls(
            stiffness_ratio=memory["position_p_gain"] / table["position_p_gain"].default,
            damping_s=damping / position_p,
            integral_per_s=integral / position_p,
            feedforward_s=forward / position_p,
            velocity_ratio=memory["velocity_p_gain"] / table["velocity_p_gain"].default,
            velocity_integral_per_s=velocity_i / velocity_p,
        )


def motor_command(
    memory: Memory, gains: Gains, motion: Motion, encoder: Encoder, now_ns: int
) -> MotorCommand:
    """What the motor is asked for while the torque is on."""
    mode = OperatingMode(memory["operating_mode"])
    if mode is OperatingMode.CURRENT:
        return _current_command(memory, motion, encoder)
    if mode is OperatingMode.PWM:
        return _pwm_command(memory, motion, encoder)
    pwm = min(abs(memory["goal_pwm"]), memory["pwm_limit"]) * units.PWM_FRACTION
    if mode is OperatingMode.VELOCITY:
        wanted = encoder.sign * motion.velocity(now_ns) * units.VELOCITY_RAD_S
        return MotorCommand(
            Control.VELOCITY,
            velocity_rad_s=wanted,
            pwm=pwm,
            velocity_ratio=gains.velocity_ratio,
            velocity_integral_per_s=gains.velocity_integral_per_s,
        )
    position, speed = motion.position(now_ns)
    is_capped = mode is OperatingMode.CURRENT_BASED_POSITION
    return MotorCommand(
        Control.POSITION,
        position_rad=encoder.to_shaft_rad(position),
        velocity_rad_s=encoder.sign * speed * units.POSITION_RAD,
        current_a=abs(memory["goal_current"]) * units.CURRENT_A if is_capped else inf,
        pwm=pwm,
        stiffness_ratio=gains.stiffness_ratio,
        damping_s=gains.damping_s,
        integral_per_s=gains.integral_per_s,
        feedforward_s=gains.feedforward_s,
    )


def velocity_trajectory(mode: OperatingMode, motion: Motion, now_ns: int) -> int:
    """Register 136, in 0.229 rev/min."""
    if mode is OperatingMode.VELOCITY:
        return round(motion.velocity(now_ns))
    return round(motion.position(now_ns)[1] / COUNTS_PER_S)


def _current_command(memory: Memory, motion: Motion, encoder: Encoder) -> MotorCommand:
    goal = 0 if motion.is_halted else memory["goal_current"]
    return MotorCommand(Control.CURRENT, current_a=encoder.sign * goal * units.CURRENT_A)


def _pwm_command(memory: Memory, motion: Motion, encoder: Encoder) -> MotorCommand:
    goal = 0 if motion.is_halted else memory["goal_pwm"]
    return MotorCommand(Control.PWM, pwm=encoder.sign * goal * units.PWM_FRACTION)
