"""Whether each servo is set up as the driver needs it, by the table that the driver itself uses."""

from collections.abc import Callable, Sequence
from functools import partial

from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.servo import FAST_READ_FIRMWARE, WATCHDOG_FIRMWARE
from hal.dynamixel.servo_setup import SETTINGS, misfits
from hal.dynamixel.setting import Severity
from services.bring_up.checks import Check, Complaint
from services.bring_up.finding import Level
from services.bring_up.limits_check import judge_limits
from services.bring_up.presence_findings import model_name
from services.bring_up.readout import Readout
from services.bring_up.target import Target

# What is said where all is well, by subject.
_GOOD = {
    "replies": "to every instruction",
    "return delay": "0 us",
    "operating mode": "position",
    "drive mode": "0",
    "homing offset": "0",
    "secondary id": "none",
    "startup": "torque stays off at power-up",
    "shutdown": "on overload, electrical shock and overheating",
    "moving": "threshold as usual",
    "alarm limits": "temperature and voltage as usual",
    "output limits": "enough PWM and current to follow commands",
    "speed limits": "as fast as commands are",
    "gains": "stiff enough to follow commands",
    "profile": "none in the way",
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


def _judge(subject: str, readout: Readout, target: Target) -> Complaint | None:
    """Everything about one subject that is not legal in one servo."""
    table = control_table_of(readout.model_number)
    found = [m for m in misfits(table, readout.firmware, readout.values) if m.subject == subject]
    if not found:
        return None
    level = Level.FAIL if max(m.severity for m in found) > Severity.WARNING else Level.WARN
    return Complaint(level, "; ".join(m.text for m in found), _configure(target))


def _say(text: str) -> Callable[[Sequence[Readout]], str]:
    return lambda readouts: text


def _models(readouts: Sequence[Readout]) -> str:
    return ", ".join(sorted({model_name(r.model_number) for r in readouts}))


SETTINGS_CHECKS = (
    Check("model", lambda readout, target: None, _models),
    Check("firmware", _firmware, _good_firmware),
    *(
        Check(subject, partial(_judge, subject), _say(_GOOD[subject]))
        for subject in dict.fromkeys(setting.subject for setting in SETTINGS)
    ),
    Check("position limits", judge_limits, _say("the servos keep to the travel of their joints")),
)
