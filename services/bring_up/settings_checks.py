"""Whether each servo is set up as the driver needs it; a power cycle changes none of it."""

from collections.abc import Callable, Sequence

from hal.dynamixel.servo import (
    FAST_READ_FIRMWARE,
    STARTUP_CONFIGURATION_FIRMWARE,
    WATCHDOG_FIRMWARE,
)
from hal.dynamixel.status import HardwareError
from services.bring_up.checks import Check, Complaint
from services.bring_up.finding import Level
from services.bring_up.limits_check import judge_limits
from services.bring_up.presence_findings import model_name
from services.bring_up.readout import Readout
from services.bring_up.target import Target

POSITION_MODE = 3
SECONDARY_ID_OFF = 253
ALL_REPLIES = 2
SHUTDOWN_MIN = HardwareError.OVERLOAD | HardwareError.ELECTRICAL_SHOCK | HardwareError.OVERHEATING
MODES = {
    0: "current",
    1: "velocity",
    3: "position",
    4: "extended position",
    5: "current-based position",
    16: "PWM",
}
_DRIVE_BITS = {
    0: "turns the other way round (bit 0)",
    2: "profiles by time (bit 2)",
    3: "switches torque on with any goal (bit 3)",
}


def _configure(target: Target) -> str:
    return target.command("calibrate", "--configure")


def _firmware(readout: Readout, target: Target) -> Complaint | None:
    if readout.firmware >= WATCHDOG_FIRMWARE:
        return None
    text = (
        f"firmware {readout.firmware} has no bus watchdog, which came with {WATCHDOG_FIRMWARE}: "
        "the servo goes on when this computer dies"
    )
    return Complaint(
        Level.FAIL, text, "update it with DYNAMIXEL Wizard 2.0: Tools, Firmware Recovery"
    )


def _good_firmware(readouts: Sequence[Readout]) -> str:
    found = sorted({r.firmware for r in readouts})
    slow = [r for r in readouts if r.firmware < FAST_READ_FIRMWARE]
    reads = f"; fast reads need {FAST_READ_FIRMWARE}" if slow else ", fast reads"
    return f"{', '.join(map(str, found))}: bus watchdog{reads}"


def _return_delay(readout: Readout, target: Target) -> Complaint | None:
    delay_us = 2 * readout.values["return_delay_time"]
    if delay_us == 0:
        return None
    text = f"each reply waits {delay_us} us; 0 is possible"
    return Complaint(Level.WARN, text, _configure(target))


def _mode(readout: Readout, target: Target) -> Complaint | None:
    mode = readout.values["operating_mode"]
    if mode == POSITION_MODE:
        return None
    found = f"operating mode {mode} ({MODES.get(mode, 'unknown')})"
    text = f"{found}, expected {POSITION_MODE} (position)"
    return Complaint(Level.FAIL, text, _configure(target))


def _drive(readout: Readout, target: Target) -> Complaint | None:
    mode = readout.values["drive_mode"]
    if mode == 0:
        return None
    bits = [text for bit, text in _DRIVE_BITS.items() if mode >> bit & 1]
    text = f"drive mode {mode}, expected 0: {', '.join(bits) or 'unknown bits'}"
    return Complaint(Level.FAIL, text, _configure(target))


def _homing(readout: Readout, target: Target) -> Complaint | None:
    offset = readout.values["homing_offset"]
    if offset == 0:
        return None
    text = (
        f"homing offset {offset} ticks, expected 0: it shifts every angle, and with it a servo's "
        "bus watchdog is known to fail"
    )
    return Complaint(Level.FAIL, text, _configure(target))


def _secondary(readout: Readout, target: Target) -> Complaint | None:
    secondary = readout.values["secondary_id"]
    if secondary >= SECONDARY_ID_OFF:
        return None
    text = f"secondary id {secondary}: it obeys what is meant for servo {secondary} too"
    return Complaint(Level.FAIL, text, _configure(target))


def _startup(readout: Readout, target: Target) -> Complaint | None:
    startup = readout.values["startup_configuration"]
    if startup == 0:
        return None
    if startup & 1 and readout.firmware >= STARTUP_CONFIGURATION_FIRMWARE:
        text = f"startup configuration {startup}, expected 0: torque comes on with the supply"
        return Complaint(Level.FAIL, text, _configure(target))
    text = f"startup configuration {startup}, expected 0"
    return Complaint(Level.WARN, text, _configure(target))


def _shutdown(readout: Readout, target: Target) -> Complaint | None:
    lacking = SHUTDOWN_MIN & ~HardwareError(readout.values["shutdown"])
    if not lacking:
        return None
    names = ", ".join(error_names(lacking))
    return Complaint(Level.WARN, f"does not protect itself against {names}", _configure(target))


def _replies(readout: Readout, target: Target) -> Complaint | None:
    level = readout.values["status_return_level"]
    if level == ALL_REPLIES:
        return None
    text = f"status return level {level}, expected {ALL_REPLIES}: it confirms nothing it is told"
    return Complaint(Level.WARN, text, _configure(target))


def error_names(errors: HardwareError) -> list[str]:
    """The set bits in words."""
    return [
        bit.name.lower().replace("_", " ") for bit in HardwareError if bit in errors and bit.name
    ]


def _say(text: str) -> Callable[[Sequence[Readout]], str]:
    return lambda readouts: text


def _models(readouts: Sequence[Readout]) -> str:
    return ", ".join(sorted({model_name(r.model_number) for r in readouts}))


SETTINGS_CHECKS = (
    Check("model", lambda readout, target: None, _models),
    Check("firmware", _firmware, _good_firmware),
    Check("return delay", _return_delay, _say("0 us")),
    Check("operating mode", _mode, _say("position")),
    Check("drive mode", _drive, _say("0")),
    Check("homing offset", _homing, _say("0")),
    Check("secondary id", _secondary, _say("none")),
    Check("startup", _startup, _say("torque stays off at power-up")),
    Check("shutdown", _shutdown, _say("on overload, electrical shock and overheating")),
    Check("replies", _replies, _say("to every instruction")),
    Check("position limits", judge_limits, _say("the servos keep to the travel of their joints")),
)
