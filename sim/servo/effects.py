"""What else happens in a servo when a register is written, and when its watchdog stops it.

Source: e-manual, Torque Enable (64), Operating Mode (11), Bus Watchdog (98), Drive Mode (10).
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.servo.motion import ProfileLimits
from sim.servo.regulator import OperatingMode
from sim.servo.validation import GOALS

if TYPE_CHECKING:
    from sim.servo.state import ServoState

_TIMED_PROFILE = 0x04
_TORQUE_ON_BY_GOAL = 0x08

GAINS = (
    "velocity_i_gain",
    "velocity_p_gain",
    "position_d_gain",
    "position_i_gain",
    "position_p_gain",
    "feedforward_2nd_gain",
    "feedforward_1st_gain",
)
_SETTINGS = frozenset(
    {
        *GAINS,
        "goal_pwm",
        "goal_current",
        "pwm_limit",
        "temperature_limit",
        "max_voltage_limit",
        "min_voltage_limit",
    }
)


def apply(servo: ServoState, name: str, value: int, now_ns: int) -> None:
    """Store a value and do what follows from it."""
    servo.memory.set(name, value)
    if name in _SETTINGS:
        servo.refresh_settings()
    if name in GOALS:
        _new_goal(servo, name, now_ns)
    elif name in _EFFECTS:
        _EFFECTS[name](servo, value, now_ns)


def stop(servo: ServoState, now_ns: int) -> None:
    """What the tripped watchdog does: the torque stays on, the position of this moment is held.

    In extended position mode firmware adds the homing offset once too often to it and the servo
    moves on (DynamixelSDK issue 584).
    """
    position = servo.encoder.raw
    if servo.mode is OperatingMode.EXTENDED_POSITION:
        position += servo.encoder.effective_homing_offset
    servo.motion.halt(position, now_ns)
    servo.memory.set("bus_watchdog", servo.watchdog.register)
    if servo.mode.is_position:
        servo.memory.set("goal_position", position)


def torque_off(servo: ServoState) -> None:
    """Leave the shaft free."""
    servo.is_torque_on = False
    servo.memory.set("torque_enable", 0)


def seed_goals(servo: ServoState, now_ns: int) -> None:
    """Goals as after power-on or a change of mode: nothing moves, nothing is limited further."""
    memory = servo.memory
    memory.set("goal_pwm", memory["pwm_limit"])
    if "goal_current" in memory:
        memory.set("goal_current", memory["current_limit"])
    memory.set("goal_velocity", 0)
    memory.set("goal_position", servo.encoder.raw)
    servo.motion.rest(servo.encoder.raw, now_ns)
    servo.refresh_settings()


def shift_position(servo: ServoState, counts: int, now_ns: int) -> None:
    """Move goal and profile along with a count that has jumped, so that the shaft stays."""
    goal = servo.memory["goal_position"] + counts
    servo.memory.set("goal_position", goal)
    servo.motion.rest(goal, now_ns)


def _torque(servo: ServoState, value: int, now_ns: int) -> None:
    if value == 0:
        torque_off(servo)
        return
    if servo.is_torque_on:
        return
    # After a shutdown only a reboot brings the torque back; the register just stays 0.
    if servo.protection.is_shut_down(servo.memory["shutdown"]):
        torque_off(servo)
        return
    if servo.mode is OperatingMode.POSITION:
        servo.encoder.forget_turns()
    servo.is_torque_on = True
    servo.watchdog.pet(now_ns)
    servo.motion.rest(servo.encoder.raw, now_ns)
    if servo.watchdog.is_tripped:
        stop(servo, now_ns)
        return
    if servo.goal_on_torque == "present":
        servo.memory.set("goal_position", servo.encoder.raw)
    _pursue(servo, now_ns)


def _new_goal(servo: ServoState, name: str, now_ns: int) -> None:
    if not servo.is_torque_on and servo.memory.get("drive_mode") & _TORQUE_ON_BY_GOAL:
        apply(servo, "torque_enable", 1, now_ns)
    if not servo.is_torque_on:
        return
    followed = "goal_position" if servo.mode.is_position else "goal_velocity"
    if name == followed:
        _pursue(servo, now_ns)
    elif not servo.mode.is_position and servo.mode is not OperatingMode.VELOCITY:
        servo.motion.is_halted = False


def _pursue(servo: ServoState, now_ns: int) -> None:
    memory = servo.memory
    limits = ProfileLimits(
        memory["profile_velocity"],
        memory["profile_acceleration"],
        bool(memory.get("drive_mode") & _TIMED_PROFILE),
    )
    if servo.mode.is_position:
        servo.motion.aim(memory["goal_position"], limits, now_ns)
    elif servo.mode is OperatingMode.VELOCITY:
        servo.motion.spin(memory["goal_velocity"], limits, now_ns)


def _watchdog(servo: ServoState, value: int, now_ns: int) -> None:
    servo.watchdog.set(value, now_ns)


def _mode(servo: ServoState, _value: int, now_ns: int) -> None:
    """Gains, profile and goals start afresh; position mode knows one turn only."""
    for name in GAINS:
        servo.memory.set(name, servo.table[name].default)
    servo.memory.set("profile_velocity", 0)
    servo.memory.set("profile_acceleration", 0)
    servo.refresh_settings()
    if servo.mode is OperatingMode.POSITION:
        servo.encoder.forget_turns()
    seed_goals(servo, now_ns)


def _frame(servo: ServoState, _value: int, now_ns: int) -> None:
    """Direction or homing offset: the same shaft angle has another count now."""
    servo.refresh_settings()
    servo.encoder.forget_turns()
    servo.memory.set("goal_position", servo.encoder.raw)
    servo.motion.rest(servo.encoder.raw, now_ns)


_EFFECTS: MappingProxyType[str, Callable[[ServoState, int, int], None]] = MappingProxyType(
    {
        "torque_enable": _torque,
        "bus_watchdog": _watchdog,
        "operating_mode": _mode,
        "drive_mode": _frame,
        "homing_offset": _frame,
    }
)
