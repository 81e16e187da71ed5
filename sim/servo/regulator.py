"""From registers and profile to the command of the motor, by operating mode.

Gains count relative to the factory's; `factory_loops` says what those come to. Source: e-manual,
Operating Mode (11), Velocity PI (76, 78), Position PID Gain (80 to 84), Goal PWM (100).
"""

from dataclasses import dataclass
from enum import IntEnum
from math import inf

from hal.dynamixel import units
from hal.dynamixel.registers import ControlTable
from sim.servo.encoder import Encoder
from sim.servo.memory import Memory
from sim.servo.motion import Motion
from sim.servo.motor import Control, FactoryLoops, Gains, MotorCommand

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
class DriveSettings:
    """Registers that the loops need at each physics step, decoded.

    Attributes:
        mode: operating mode.
        gains: of the loops.
        goal_current_a, goal_pwm: signed, in the direction of the counts.
        pwm_limit: largest duty cycle outside PWM mode, 0 to 1.
    """

    mode: OperatingMode
    gains: Gains
    goal_current_a: float
    goal_pwm: float
    pwm_limit: float

    @classmethod
    def of(cls, memory: Memory, table: ControlTable) -> "DriveSettings":
        """As the registers are now."""
        pwm_limit = min(abs(memory["goal_pwm"]), memory["pwm_limit"])
        return cls(
            mode=OperatingMode(memory["operating_mode"]),
            gains=_gains(memory, table),
            goal_current_a=memory.get("goal_current") * units.CURRENT_A,
            goal_pwm=memory["goal_pwm"] * units.PWM_FRACTION,
            pwm_limit=pwm_limit * units.PWM_FRACTION,
        )


def motor_command(
    settings: DriveSettings, motion: Motion, encoder: Encoder, now_ns: int
) -> MotorCommand:
    """Command of the motor while the torque is on."""
    mode = settings.mode
    if mode is OperatingMode.CURRENT:
        goal_a = 0.0 if motion.is_halted else encoder.sign * settings.goal_current_a
        return MotorCommand(Control.CURRENT, current_a=goal_a)
    if mode is OperatingMode.PWM:
        goal = 0.0 if motion.is_halted else encoder.sign * settings.goal_pwm
        return MotorCommand(Control.PWM, pwm=goal)
    if mode is OperatingMode.VELOCITY:
        wanted = encoder.sign * motion.velocity(now_ns) * units.VELOCITY_RAD_S
        return MotorCommand(
            Control.VELOCITY, 0.0, wanted, pwm=settings.pwm_limit, gains=settings.gains
        )
    position, speed = motion.position(now_ns)
    is_capped = mode is OperatingMode.CURRENT_BASED_POSITION
    return MotorCommand(
        Control.POSITION,
        encoder.to_shaft_rad(position),
        encoder.sign * speed * units.POSITION_RAD,
        abs(settings.goal_current_a) if is_capped else inf,
        settings.pwm_limit,
        settings.gains,
    )


def factory_loops(table: ControlTable) -> FactoryLoops:
    """What a model's factory gains come to: the loops' output is a duty cycle, in counts of PWM."""
    position_p = table["position_p_gain"].default / units.POSITION_P_DIVISOR
    position_d = table["position_d_gain"].default / units.POSITION_D_DIVISOR * _LOOP_PERIOD_S
    velocity_p = table["velocity_p_gain"].default / units.VELOCITY_P_DIVISOR
    return FactoryLoops(
        stiffness_per_rad=position_p / units.POSITION_RAD * units.PWM_FRACTION,
        damping_s=position_d / position_p,
        velocity_s_rad=velocity_p / units.VELOCITY_RAD_S * units.PWM_FRACTION,
    )


def _gains(memory: Memory, table: ControlTable) -> Gains:
    """In units of the factory's proportional gains."""

    def excess(name: str) -> int:
        return memory[name] - table[name].default

    position_p = table["position_p_gain"].default / units.POSITION_P_DIVISOR
    velocity_p = table["velocity_p_gain"].default / units.VELOCITY_P_DIVISOR
    damping = excess("position_d_gain") / units.POSITION_D_DIVISOR * _LOOP_PERIOD_S
    integral = excess("position_i_gain") / units.POSITION_I_DIVISOR / _LOOP_PERIOD_S
    forward = memory["feedforward_1st_gain"] / units.FEEDFORWARD_DIVISOR * _LOOP_PERIOD_S
    velocity_i = memory["velocity_i_gain"] / units.VELOCITY_I_DIVISOR / _LOOP_PERIOD_S
    return Gains(
        stiffness_ratio=memory["position_p_gain"] / table["position_p_gain"].default,
        damping_s=damping / position_p,
        integral_per_s=integral / position_p,
        feedforward_s=forward / position_p,
        velocity_ratio=memory["velocity_p_gain"] / table["velocity_p_gain"].default,
        velocity_integral_per_s=velocity_i / velocity_p,
    )
