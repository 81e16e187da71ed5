"""Which robot a command is about, and commands that can be pasted."""

from dataclasses import replace
from pathlib import Path

import pytest

from hal.dynamixel.calibration import CalibrationError, default_calibration, save_calibration
from hal.errors import UnknownRobotError
from services.bring_up.target import Target, calibration_of


def test_a_guide_may_be_absent(claw: Target):
    assert [s.servo_id for s in claw.servos][-2:] == [50, 60]
    assert claw.required_ids == (10, 11, 12, 20, 21, 22, 30, 31, 32, 50)
    assert claw.name_of(11) == "FFJ11"
    assert claw.name_of(99) == ""


def test_a_command_has_what_differs_from_the_defaults(claw: Target):
    assert claw.command("doctor") == "mbctl doctor --robot dclaw --port /dev/ttyUSB0"
    other = replace(claw, port="", baud_rate=57_600, calibration_path=Path("claw.json"))
    assert other.command("calibrate", "--write-limits") == (
        "mbctl calibrate --robot dclaw --baud 57600 --calibration claw.json --write-limits"
    )


def test_a_calibration_of_another_model_is_refused(tmp_path: Path):
    path = tmp_path / "kitty.json"
    save_calibration(default_calibration("dkitty"), path)
    assert calibration_of("dkitty", path).robot_model == "dkitty"
    with pytest.raises(CalibrationError, match=r"is of a dkitty, and this is a dclaw"):
        calibration_of("dclaw", path)
    with pytest.raises(UnknownRobotError):
        calibration_of("dcrab", None)
