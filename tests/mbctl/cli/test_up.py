"""The text at the end of a run."""

from mbctl.cli.up import _emergency_text, _summary_text

SUMMARY = {
    "complete": False, "samples": 2240, "episodes": 56, "success": 0.11, "return": -700.4,
    "evaluation_episodes": 20, "policy_version": 27, "wall_s": 26.0, "cpu_s": 13.5,
    "evaluation_samples": 2080, "curve_png": "/r/curve.png", "curve_csv": "/r/curve.csv",
    "versions_dir": "/r/versions", "database": "/r/trainer.db",
}  # fmt: skip


def test_an_evaluation_says_of_what_it_is():
    text = _summary_text(SUMMARY)
    assert "success 11% of 20 episodes, return -700.4, version 27 at 2080 samples" in text
    assert "0.11" not in text


def test_what_does_not_exist_is_not_named():
    absent = dict.fromkeys(("curve_png", "curve_csv", "database", "success", "return"))
    text = _summary_text(SUMMARY | absent | {"evaluation_episodes": 0})
    assert "None" not in text
    assert "curve" not in text
    assert "not evaluated yet" in text


def test_a_robot_is_called_off_only_when_it_is():
    assert "the robot is off" in _emergency_text(True)
    assert "switch the servos' supply off" in _emergency_text(False)
    assert "off" not in _emergency_text(None)
