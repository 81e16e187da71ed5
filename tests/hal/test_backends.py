"""Drivers by name, those of other packages among them."""

import sys
from pathlib import Path

import pytest

from hal.backends import BACKENDS, Backend, RobotSetup, UnknownBackendError, is_simulated
from hal.clock import ManualClock
from hal.dynamixel.relax import broadcast_torque_off
from hal.robots.registry import robot_spec

DRIVER = """
from hal.backends import BACKENDS, Backend

def build_robot(setup):
    return ("robot of", setup.spec.model, setup.port)

def torque_off(port, baud_rate, ids):
    return ids[:1]

BACKENDS.define(
    "maker",
    Backend("maker_driver:build_robot", is_on_bus=True, torque_off="maker_driver:torque_off"),
    __name__,
)
"""


def test_which_are_simulated():
    assert [is_simulated(name) for name in ("mujoco", "virtual-bus", "dynamixel", "strange")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_an_unknown_one_names_what_was_meant():
    with pytest.raises(UnknownBackendError, match="'dynamixl'; did you mean 'dynamixel'"):
        BACKENDS["dynamixl"]


def test_torque_off_is_that_of_the_driver():
    assert BACKENDS["mujoco"].load_torque_off() is None
    assert BACKENDS["dynamixel"].load_torque_off() is broadcast_torque_off


def test_mujoco_is_imported_where_it_is_used():
    setup = RobotSetup(robot_spec("dclaw"), 0.1, ManualClock(), "mujoco")
    robot = BACKENDS["mujoco"].build_robot(setup)
    assert (robot.backend, robot.spec.model) == ("mujoco", "dclaw")


def test_a_driver_of_another_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "maker_driver.py").write_text(DRIVER)
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        __import__("maker_driver")
        backend: Backend = BACKENDS["maker"]
        setup = RobotSetup(robot_spec("dclaw"), 0.1, ManualClock(), "maker", port="/dev/ttyS9")
        assert backend.build_robot(setup) == ("robot of", "dclaw", "/dev/ttyS9")
        take_off = backend.load_torque_off()
        assert take_off is not None
        assert take_off("/dev/ttyS9", 1_000_000, [7, 8]) == [7]
        assert not is_simulated("maker")
    finally:
        BACKENDS._definitions.pop("maker", None)
        sys.modules.pop("maker_driver", None)
