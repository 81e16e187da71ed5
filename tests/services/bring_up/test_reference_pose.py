"""The pose in which a robot is measured."""

from pathlib import Path

import pytest

from services.bring_up.reference_pose import ReferencePoseError, described_pose, load_pose


@pytest.mark.parametrize(("robot", "joints"), [("dclaw", 9), ("dkitty", 12)])
def test_zero_is_every_joint_and_says_how_to_get_there(robot: str, joints: int):
    pose = described_pose(robot)
    assert len(pose.position_rad) == joints
    assert set(pose.position_rad.values()) == {0.0}
    assert "straight" in pose.instruction


def test_a_pose_of_one_s_own_is_zero_where_it_says_nothing(tmp_path: Path):
    path = tmp_path / "jig.json"
    path.write_text('{"FFJ11": -0.5}')
    pose = load_pose("dclaw", path)
    assert pose.position_rad["FFJ11"] == -0.5
    assert pose.position_rad["FFJ12"] == 0.0
    assert "jig.json" in pose.instruction


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "expected joint names"),
        ("{", "cannot be read"),
        ('{"FFJ13": 0}', "did you mean"),
        ('{"elbow": 0}', "known: FFJ10"),
        ('{"FFJ11": "0"}', "from -pi to pi"),
        ('{"FFJ11": true}', "from -pi to pi"),
        ('{"FFJ11": 4}', "from -pi to pi"),
        ('{"FFJ11": NaN}', "from -pi to pi"),
    ],
)
def test_a_wrong_pose_is_explained(text: str, says: str, tmp_path: Path):
    path = tmp_path / "jig.json"
    path.write_text(text)
    with pytest.raises(ReferencePoseError, match=says):
        load_pose("dclaw", path)


def test_a_pose_that_is_not_there(tmp_path: Path):
    with pytest.raises(ReferencePoseError, match="cannot be read"):
        load_pose("dclaw", tmp_path / "none.json")
