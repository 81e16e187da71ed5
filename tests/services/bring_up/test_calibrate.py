"""Offsets from a pose: exact, bounded, and suspicious of large changes."""

from dataclasses import replace
from math import degrees, pi, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.calibration import Calibration, CalibrationError, default_calibration
from hal.robots.registry import robot_spec
from services.bring_up.calibrate import calibrate, drift_finding
from services.bring_up.finding import Level
from services.bring_up.measure import Standing
from services.bring_up.reference_pose import ReferencePose, described_pose
from services.bring_up.target import Target

MODELS = ("dclaw", "dkitty")


def standing(true: Calibration, pose: ReferencePose) -> dict[int, Standing]:
    """What servos of a robot with calibration `true` read while it stands in `pose`."""
    angle = {j: (pose.position_rad[j.name] - j.offset_rad) / j.scale for j in true.joints}
    return {j.servo_id: Standing(angle[j] * 4096 / (2 * pi), 0) for j in true.joints}


def shifted(model: str, by_deg: dict[int, float]) -> Calibration:
    """A robot whose joints `by_deg` (index to degrees) sit elsewhere on their servos."""
    usual = default_calibration(model)
    joints = tuple(
        replace(j, offset_rad=j.offset_rad + radians(by_deg.get(i, 0.0)))
        for i, j in enumerate(usual.joints)
    )
    return replace(usual, joints=joints)


@given(
    model=st.sampled_from(MODELS),
    by_deg=st.dictionaries(st.integers(0, 8), st.floats(-15, 15), max_size=9),
)
def test_the_true_offsets_come_back(model: str, by_deg: dict[int, float]):
    true, pose = shifted(model, by_deg), described_pose(model)
    outcome = calibrate(default_calibration(model), pose, standing(true, pose))
    for found, expected, change in zip(
        outcome.calibration.joints, true.joints, outcome.changes, strict=True
    ):
        assert found.offset_rad == pytest.approx(expected.offset_rad, abs=1e-9)
        index = outcome.changes.index(change)
        assert change.change_deg == pytest.approx(by_deg.get(index, 0.0), abs=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_a_measured_calibration_still_reaches_the_whole_range(model: str):
    true, pose = shifted(model, {0: 15, 1: -15, 2: 10}), described_pose(model)
    measured = calibrate(default_calibration(model), pose, standing(true, pose)).calibration
    for joint, limits in zip(measured.joints, robot_spec(model).joints, strict=True):
        assert joint.travel_min_rad <= limits.position_min_rad
        assert joint.travel_max_rad >= limits.position_max_rad
    assert measured.version.startswith("cal-")


def test_a_horn_on_the_wrong_side_is_refused():
    pose = described_pose("dclaw")
    usual = default_calibration("dclaw")
    wrong = {**standing(usual, pose), 21: Standing(341, 0)}  # 150 degrees from where it should be
    with pytest.raises(CalibrationError, match=r"MFJ21 \(servo 21\).*horn") as refused:
        calibrate(usual, pose, wrong)
    assert refused.value.reason == "SERVO_TURN_EXCEEDED"


def test_a_pose_other_than_zero_is_subtracted():
    pose = replace(
        described_pose("dclaw"), position_rad={**described_pose("dclaw").position_rad, "FFJ11": 0.3}
    )
    usual = default_calibration("dclaw")
    outcome = calibrate(usual, pose, standing(usual, pose))
    assert abs(outcome.largest.change_deg) < 1e-9
    assert outcome.changes[1].reference_rad == 0.3


@pytest.mark.parametrize(
    ("by_deg", "is_kept", "level"),
    [
        (0.5, False, Level.OK),
        (5.0, False, Level.WARN),
        (5.0, True, Level.OK),
        (-25.0, False, Level.FAIL),
        (-25.0, True, Level.FAIL),
    ],
)
def test_drift_is_judged_by_its_size(by_deg: float, is_kept: bool, level: Level):
    pose, target = described_pose("dclaw"), Target(default_calibration("dclaw"))
    true = shifted("dclaw", {4: by_deg})
    outcome = calibrate(target.calibration, pose, standing(true, pose))
    finding = drift_finding(outcome, target, change_max_deg=20, is_kept=is_kept)
    assert finding.level is level
    assert f"MFJ21 by {by_deg:+.1f} degrees" in finding.message
    assert degrees(outcome.calibration.joints[4].offset_rad) == pytest.approx(-180 + by_deg)
