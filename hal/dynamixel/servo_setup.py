"""What must be set in a servo for a robot to follow its goals: one table.

The doctor reports by it, the driver refuses torque by it, `mbctl calibrate --configure` writes by
it. Another program may have left anything in a servo, and RAM keeps it until the supply goes. Every
value within a range is a legal choice and stays as it is. Position limits depend on the calibration
and are judged where that is known. Source: ROBOTIS e-Manual, XM430-W350 and XL430-W250.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from math import ceil

from hal.dynamixel.registers import ControlTable, Register
from hal.dynamixel.servo import DRIVE_MODE_FIRMWARE, STARTUP_CONFIGURATION_FIRMWARE
from hal.dynamixel.setting import Misfit, Range, Setting, Severity
from hal.dynamixel.status import HardwareError
from hal.dynamixel.units import PROFILE_ACCELERATION_RAD_S2, RETURN_DELAY_S, VELOCITY_RAD_S
from hal.robots.registry import ROBOTS

POSITION_MODE = 3
ALL_REPLIES = 2
MODES = {
    0: "current",
    1: "velocity",
    3: "position",
    4: "extended position",
    5: "current-based position",
    16: "PWM",
}
_NEEDED_SHUTDOWN = (
    HardwareError.OVERLOAD | HardwareError.ELECTRICAL_SHOCK | HardwareError.OVERHEATING
)
_TO_FULL_SPEED_S = 0.1  # one control period
_SOFT_START_RAD_S = 0.5  # the lowest speed limit that the driver itself may have left


def misfits(table: ControlTable, firmware: int, values: Mapping[str, int]) -> Iterator[Misfit]:
    """Everything that is not legal, in the order in which it is put right.

    Args:
        table, firmware: of the servo.
        values: of its registers; what is not there is not judged.
    """
    for setting in settings_of(table, firmware):
        if setting.register in values and (misfit := setting.judge(table, values)):
            yield misfit


def settings_of(table: ControlTable, firmware: int) -> list[Setting]:
    """Those whose registers a servo has."""
    return [s for s in SETTINGS if s.register in table and firmware >= s.firmware]


def _exactly(value: int) -> Callable[[Register], Range]:
    return lambda register: (value, value)


def _within(low: int, high: int) -> Callable[[Register], Range]:
    return lambda register: (low, high)


def _at_least(low: int) -> Callable[[Register], Range]:
    return lambda register: (low, register.maximum)


def _half_at_least(register: Register) -> Range:
    return (register.maximum + 1) // 2, register.maximum


def _about_factory(register: Register) -> Range:
    """A quarter to four times of it: softer or stiffer by choice, not weak or oscillating."""
    return register.default // 4, 4 * register.default


@cache
def _fastest_rad_s() -> float:
    """The highest speed that a joint of any robot of servos is commanded."""
    specs = [ROBOTS[name].spec for name in ROBOTS.names() if ROBOTS[name].servos is not None]
    return max(float(spec.velocity_max_rad_s.max()) for spec in specs)


def _fast_enough(unit: float) -> Callable[[Register], Range]:
    """Of a limit of which one count is `unit` rad/s, or rad/s in the time to full speed.

    The factory's own limit is enough: nothing is gained from slower servos by complaining of them.
    """
    return lambda register: (
        min(ceil(_fastest_rad_s() / unit), register.default),
        register.maximum,
    )


_SOFT_START = round(_SOFT_START_RAD_S / VELOCITY_RAD_S)

_PWM_LIMIT = Setting(
    "pwm_limit", "output limits", "SERVO_OUTPUT_LIMIT", Severity.WEAK, _half_at_least,
    "it has too little torque and speed to follow",
)  # fmt: skip
_CURRENT_LIMIT = Setting(
    "current_limit", "output limits", "SERVO_OUTPUT_LIMIT", Severity.WEAK, _half_at_least,
    "it has too little torque to follow",
)  # fmt: skip

# Replies come first: without them nothing else is confirmed. The mode comes before the gains, which
# it sets back, and each limit before the goal that it bounds.
SETTINGS = (
    Setting(
        "status_return_level", "replies", "RETURN_LEVEL", Severity.WARNING, _exactly(ALL_REPLIES),
        "it confirms nothing that it is told",
    ),
    Setting(
        "return_delay_time", "return delay", "RETURN_DELAY", Severity.WARNING, _exactly(0),
        "each reply waits that long", shown=lambda v: f"{v * RETURN_DELAY_S * 1e6:.0f} us",
    ),
    Setting(
        "operating_mode", "operating mode", "OPERATING_MODE", Severity.UNSAFE,
        _exactly(POSITION_MODE), "a goal would mean something else",
        shown=lambda v: f"{v} ({MODES.get(v, 'unknown')})",
    ),
    Setting(
        "drive_mode", "drive mode", "DRIVE_MODE", Severity.UNSAFE, _exactly(0),
        "direction belongs into the calibration, profiles go by speed, and torque must not come on "
        "with a goal", DRIVE_MODE_FIRMWARE,
    ),
    Setting(
        "homing_offset", "homing offset", "HOMING_OFFSET_SET", Severity.UNSAFE, _exactly(0),
        "it shifts every angle and lets the bus watchdog go wrong; put it into the calibration",
    ),
    Setting(
        "secondary_id", "secondary id", "SECONDARY_ID", Severity.UNSAFE, _within(253, 255),
        "it obeys what is meant for another servo too",
    ),
    Setting(
        "startup_configuration", "startup", "STARTUP_TORQUE", Severity.WARNING, _exactly(0),
        "torque comes on with the supply (bit 0), or old RAM comes back (bit 1)",
        STARTUP_CONFIGURATION_FIRMWARE, unsafe_bits=1,
    ),
    Setting(
        "shutdown", "shutdown", "SHUTDOWN_MASK", Severity.WARNING, _within(0, 255),
        "it does not protect itself against these", bits=_NEEDED_SHUTDOWN,
    ),
    Setting(
        "moving_threshold", "moving", "MOVING_THRESHOLD", Severity.WARNING, _within(0, 50),
        "it calls itself at rest while it moves",
    ),
    Setting(
        "temperature_limit", "alarm limits", "ALARM_LIMITS", Severity.WARNING,
        lambda register: (60, register.default), "it shuts itself down too early, or too late",
    ),
    Setting(
        "max_voltage_limit", "alarm limits", "ALARM_LIMITS", Severity.WARNING, _at_least(130),
        "a supply of 12 V raises its alarm",
    ),
    Setting(
        "min_voltage_limit", "alarm limits", "ALARM_LIMITS", Severity.WARNING,
        lambda register: (register.minimum, 100), "a supply of 12 V under load raises its alarm",
    ),
    _PWM_LIMIT,
    _CURRENT_LIMIT,
    Setting(
        "acceleration_limit", "speed limits", "SERVO_SPEED_LIMIT", Severity.WEAK,
        _fast_enough(_TO_FULL_SPEED_S * PROFILE_ACCELERATION_RAD_S2),
        "it is slower than it is commanded",
    ),
    Setting(
        "velocity_limit", "speed limits", "SERVO_SPEED_LIMIT", Severity.WEAK,
        _fast_enough(VELOCITY_RAD_S), "it is slower than it is commanded",
    ),
    Setting(
        "position_p_gain", "gains", "SERVO_GAINS", Severity.WEAK, _about_factory,
        "with less it does not follow, with more it swings",
    ),
    Setting(
        "position_i_gain", "gains", "SERVO_GAINS", Severity.WEAK, _within(0, 1000),
        "it swings, and overloads where it is blocked",
    ),
    Setting(
        "position_d_gain", "gains", "SERVO_GAINS", Severity.WEAK, _within(0, 8000),
        "it brakes every motion, and rattles",
    ),
    Setting(
        "feedforward_2nd_gain", "gains", "SERVO_GAINS", Severity.WEAK, _exactly(0),
        "each new goal kicks it",
    ),
    Setting(
        "feedforward_1st_gain", "gains", "SERVO_GAINS", Severity.WEAK, _exactly(0),
        "each new goal kicks it",
    ),
    Setting(
        "goal_pwm", "output limits", "SERVO_OUTPUT_LIMIT", Severity.WEAK, _half_at_least,
        "it has too little torque and speed to follow", ceiling=_PWM_LIMIT,
    ),
    Setting(
        "goal_current", "output limits", "SERVO_OUTPUT_LIMIT", Severity.WEAK, _half_at_least,
        "it has too little torque to follow", ceiling=_CURRENT_LIMIT,
    ),
    Setting(
        "profile_acceleration", "profile", "PROFILE", Severity.WARNING, _exactly(0),
        "it starts slowly until an activation sets it",
    ),
    Setting(
        "profile_velocity", "profile", "PROFILE", Severity.WARNING, _at_least(_SOFT_START),
        "it is slow until an activation sets it", also=(0,),
    ),
)  # fmt: skip
