"""A backend's name leads to its robot."""

from dataclasses import replace

import pytest

from hal.clock import WallClock
from hal.dynamixel.calibration import default_calibration, save_calibration
from hal.errors import TrackerError
from hal.robot import Robot
from mbctl.config import RobotConfig, TrackerConfig
from services.controller.control.robots import build_robot, build_tracker


def test_the_backend_s_name_and_calibration_reach_the_rows(tmp_path):
    path = tmp_path / "calibration.json"
    default = default_calibration("dclaw")
    joints = (replace(default.joints[0], offset_rad=default.joints[0].offset_rad + 0.01),)
    save_calibration(replace(default, joints=(*joints, *default.joints[1:])), path)
    for backend in ("dynamixel", "virtual-bus"):
        robot = build(backend=backend, port="/dev/ttyUSB0")
        assert (robot.backend, robot.calibration_version) == (backend, "robel")
        robot = build(backend=backend, port="/dev/ttyUSB0", calibration=path)
        assert robot.calibration_version.startswith("cal-")
    assert build().backend == "mujoco"


def test_a_robot_with_a_torso_gets_its_tracker():
    tracker = {"kind": "udp", "listen": "127.0.0.1:0", "devices": {"torso": "rigid1"}}
    robot = build(
        model="dkitty", backend="dynamixel", port="/dev/x", tracker=tracker,
    )  # fmt: skip
    assert robot.spec.bodies == ("torso",)
    tracked = build_tracker(TrackerConfig.model_validate(tracker), ("torso",), WallClock())
    assert tracked.bodies == ("torso",)
    tracked.close()


def test_a_device_that_is_missing_is_told_before_anything_moves():
    with pytest.raises(TrackerError, match="devices are given for no body, expected one"):
        build_tracker(TrackerConfig(kind="openvr"), ("torso",), WallClock())


def build(**fields: object) -> Robot:
    return build_robot(RobotConfig.model_validate(fields), 0.1, WallClock())
