import json
import os
from dataclasses import asdict, replace
from math import nan, pi
from pathlib import Path

import numpy as np
import pytest

from hal.dynamixel.calibration import (
    Calibration,
    CalibrationError,
    default_calibration,
    load_calibration,
    save_calibration,
)


def shifted(offset_rad: float = 0.01) -> Calibration:
    default = default_calibration("dclaw")
    first = replace(default.joints[0], offset_rad=default.joints[0].offset_rad + offset_rad)
    return replace(default, joints=(first, *default.joints[1:]))


def test_version_names_the_content():
    assert default_calibration("dclaw").version == "robel"
    assert shifted().version == shifted().version
    assert shifted().version.startswith("cal-")
    assert len(shifted().version) == len("cal-") + 12
    assert shifted(0.02).version != shifted().version


def test_file_round_trip_keeps_every_number(tmp_path: Path):
    path = tmp_path / "robot.json"
    save_calibration(shifted(1 / 3), path)
    assert load_calibration(path) == shifted(1 / 3)
    assert [p.name for p in tmp_path.iterdir()] == ["robot.json"]


@pytest.mark.parametrize("model", ["dclaw", "dkitty"])
def test_ticks_and_angles_are_inverse_to_half_a_tick(model: str):
    calibration = default_calibration(model)
    rng = np.random.default_rng(0)
    angles = rng.uniform(-0.2, 0.2, (1000, len(calibration.joints)))
    back = calibration.to_rad(calibration.to_ticks(angles))
    assert np.abs(back - angles).max() <= pi / 4096 + 1e-12


def test_conversion_as_the_benchmark_states_it():
    calibration = default_calibration("dkitty")
    ticks = np.full(12, 2000)
    servo = 2000 * 2 * pi / 4096
    expected = [s.scale * servo + s.offset_rad for s in calibration.joints]
    np.testing.assert_allclose(calibration.to_rad(ticks), expected)
    # Truncation, the benchmark's own way, would give 1999 here.
    assert calibration.to_ticks(calibration.to_rad(np.full(12, 1999.9)))[0] == 2000


def spoiled(**changes: object) -> dict:
    content = {"format": 1, **asdict(default_calibration("dclaw"))}
    servo = dict(content["joints"][0], **changes)
    return {**content, "joints": [servo, *content["joints"][1:]]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (spoiled(servo_id=11), r"ids \[11\] are used more than once"),
        (spoiled(servo_id=253), "outside 0 to 252"),
        (spoiled(servo_id=10.0), "servo_id of 'FFJ10' is 10.0"),
        (spoiled(servo_id=True), "servo_id of 'FFJ10' is True"),
        (spoiled(scale=0.5), "expected 1 or -1"),
        (spoiled(scale="1"), "scale of 'FFJ10' is '1'"),
        (spoiled(offset_rad=nan), "NaN is no number"),
        (spoiled(offset_rad=10**400), "too large"),
        (spoiled(travel_max_rad=-1.0), "is empty"),
        (spoiled(travel_max_rad=5.0), "outside the single turn"),
        (spoiled(name="FFJ11"), "expected"),
        (spoiled(colour="red"), r"unknown keys \['colour'\]"),
        ({"format": 1}, "lacks"),
        ([], "is list, expected an object"),
        ({**spoiled(), "format": 2}, "format is 2"),
        ({**spoiled(), "joints": {}}, "expected a list"),
        ({**spoiled(), "robot_model": "hexapod"}, "hexapod"),
        ({**spoiled(), "robot_model": 3}, "expected a name"),
    ],
)
def test_wrong_files_are_refused_saying_why(tmp_path: Path, content: object, message: str):
    path = tmp_path / "robot.json"
    path.write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match=message) as caught:
        load_calibration(path)
    assert str(path) in str(caught.value)
    assert caught.value.reason == "CALIBRATION_INVALID"


def test_broken_json_and_missing_files(tmp_path: Path):
    path = tmp_path / "robot.json"
    with pytest.raises(CalibrationError) as caught:
        load_calibration(path)
    assert caught.value.reason == "CALIBRATION_MISSING"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CalibrationError):
        load_calibration(path)
    path.write_text("{")
    with pytest.raises(CalibrationError, match="Expecting"):
        load_calibration(path)
    with pytest.raises(CalibrationError) as caught:
        save_calibration(default_calibration("dclaw"), tmp_path / "none" / "robot.json")
    assert caught.value.reason == "CALIBRATION_NOT_WRITTEN"


@pytest.mark.timeout(20)
def test_a_pipe_is_told_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(CalibrationError, match="it is no file"):
            load_calibration(path)
