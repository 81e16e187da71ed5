"""What a servo measures, as the counts of its read-only registers.

Source: e-manual, registers 120 to 146; 126 is a current or, with XL430, a load.
"""

from struct import Struct

from hal.dynamixel import units
from sim.servo.motion import COUNTS_PER_S
from sim.servo.state import ServoState

# The manual says "a predefined value" of both.
_IN_POSITION_COUNTS = 10
_FOLLOWING_COUNTS = 100
_INT16 = 32_767
_NS_PER_TICK = 1_000_000

# Realtime Tick to Present Temperature follow one another without a gap.
BLOCK_ADDRESS = 120
_BLOCK = Struct("<HBBhhiiiiHB")


def refresh(servo: ServoState, now_ns: int) -> None:
    """Bring the registers that change by themselves up to date."""
    measured, sign, present = servo.measurement, servo.encoder.sign, servo.encoder.raw
    velocity = _velocity(servo)
    desired, speed = _trajectory(servo, present, now_ns)
    is_ongoing = servo.is_torque_on and servo.motion.is_ongoing(now_ns)
    block = _BLOCK.pack(
        max(0, now_ns - servo.booted_ns) // _NS_PER_TICK % units.REALTIME_TICK_MODULUS,
        is_ongoing or abs(velocity) > servo.memory["moving_threshold"],
        _moving_status(servo, present, desired, is_ongoing),
        _int16(sign * measured.pwm / units.PWM_FRACTION),
        _int16(sign * _current_or_load(servo)),
        velocity,
        present,
        speed,
        desired,
        max(0, round(measured.voltage_v / units.VOLTAGE_V)),
        min(255, max(0, round(measured.temperature_c))),
    )
    servo.memory.put(BLOCK_ADDRESS, block)


def is_moving(servo: ServoState, now_ns: int) -> bool:
    """Faster than the threshold, or a profile under way."""
    is_ongoing = servo.is_torque_on and servo.motion.is_ongoing(now_ns)
    return is_ongoing or abs(_velocity(servo)) > servo.memory["moving_threshold"]


def _trajectory(servo: ServoState, present: int, now_ns: int) -> tuple[int, int]:
    """Desired position in counts and velocity in 0.229 rev/min."""
    if not servo.is_torque_on:
        return present, 0
    if not servo.mode.is_position:
        return present, round(servo.motion.velocity(now_ns))
    position, speed = servo.motion.position(now_ns)
    return round(position), round(speed / COUNTS_PER_S)


def _moving_status(servo: ServoState, present: int, desired: int, is_ongoing: bool) -> int:
    if not servo.is_torque_on or not servo.mode.is_position:
        return 0
    status = servo.motion.shape << 4
    if abs(desired - present) > _FOLLOWING_COUNTS:
        status |= 0x08
    if is_ongoing:
        status |= 0x02
    if abs(servo.memory["goal_position"] - present) <= _IN_POSITION_COUNTS:
        status |= 0x01
    return status


def _current_or_load(servo: ServoState) -> float:
    if "present_current" in servo.memory:
        return servo.measurement.current_a / units.CURRENT_A
    return servo.measurement.pwm / units.LOAD_FRACTION


def _velocity(servo: ServoState) -> int:
    return servo.encoder.sign * round(servo.measurement.velocity_rad_s / units.VELOCITY_RAD_S)


def _int16(value: float) -> int:
    return min(max(round(value), -_INT16), _INT16)
