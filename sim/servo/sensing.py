"""What a servo measures, as the counts of its read-only registers.

Source: e-manual, registers 120 to 146; 126 is a current or, with XL430, a load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hal.dynamixel import units
from sim.servo.regulator import velocity_trajectory

if TYPE_CHECKING:
    from sim.servo.state import ServoState

# The manual says "a predefined value" of both.
_IN_POSITION_COUNTS = 10
_FOLLOWING_COUNTS = 100
_INT16 = 32_767
_NS_PER_TICK = 1_000_000


@dataclass(frozen=True, slots=True)
class Measurement:
    """State of shaft and motor besides the angle; before the first, a servo at rest on 12 V.

    Attributes:
        pwm: duty cycle, -1 to 1.
    """

    velocity_rad_s: float = 0.0
    current_a: float = 0.0
    temperature_c: float = 25.0
    voltage_v: float = 12.0
    pwm: float = 0.0


def refresh(servo: ServoState, now_ns: int) -> None:
    """Bring the registers that change by themselves up to date."""
    memory, measured, sign = servo.memory, servo.measurement, servo.encoder.sign
    tick = max(0, now_ns - servo.booted_ns) // _NS_PER_TICK % units.REALTIME_TICK_MODULUS
    memory.set("realtime_tick", tick)
    memory.set("present_pwm", _int16(sign * measured.pwm / units.PWM_FRACTION))
    if "present_current" in memory:
        memory.set("present_current", _int16(sign * measured.current_a / units.CURRENT_A))
    else:
        memory.set("present_load", _int16(sign * measured.pwm / units.LOAD_FRACTION))
    memory.set("present_velocity", _velocity(servo))
    memory.set("present_position", servo.encoder.raw)
    memory.set("present_input_voltage", max(0, round(measured.voltage_v / units.VOLTAGE_V)))
    memory.set("present_temperature", min(255, max(0, round(measured.temperature_c))))
    if "bus_watchdog" in memory:
        memory.set("bus_watchdog", servo.watchdog.register)
    _refresh_motion(servo, now_ns)


def is_moving(servo: ServoState, now_ns: int) -> bool:
    """Register 122: faster than the threshold, or a profile under way."""
    is_under_way = servo.is_torque_on and servo.motion.is_ongoing(now_ns)
    return is_under_way or abs(_velocity(servo)) > servo.memory["moving_threshold"]


def _refresh_motion(servo: ServoState, now_ns: int) -> None:
    memory, present = servo.memory, servo.encoder.raw
    desired, speed = present, 0
    if servo.is_torque_on:
        speed = velocity_trajectory(servo.mode, servo.motion, now_ns)
        if servo.mode.is_position:
            desired = round(servo.motion.position(now_ns)[0])
    memory.set("velocity_trajectory", speed)
    memory.set("position_trajectory", desired)
    memory.set("moving", is_moving(servo, now_ns))
    memory.set("moving_status", _moving_status(servo, desired, now_ns))


def _moving_status(servo: ServoState, desired: int, now_ns: int) -> int:
    if not servo.is_torque_on or not servo.mode.is_position:
        return 0
    present = servo.encoder.raw
    status = servo.motion.shape << 4
    if abs(desired - present) > _FOLLOWING_COUNTS:
        status |= 0x08
    if servo.motion.is_ongoing(now_ns):
        status |= 0x02
    if abs(servo.memory["goal_position"] - present) <= _IN_POSITION_COUNTS:
        status |= 0x01
    return status


def _velocity(servo: ServoState) -> int:
    return servo.encoder.sign * round(servo.measurement.velocity_rad_s / units.VELOCITY_RAD_S)


def _int16(value: float) -> int:
    return min(max(round(value), -_INT16), _INT16)
