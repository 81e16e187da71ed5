"""The contract's own part: what `Robot` guarantees whatever an implementation does."""

import numpy as np
import pytest

from hal.errors import LifecycleError, RobotReadError, RobotWriteError
from hal.lifecycle import Lifecycle
from hal.robot import ResetProgress, Robot
from hal.robots.dclaw import DCLAW
from hal.types import JointCommand, ResetTarget, RobotState, Vector
from tests.hal.states import make_state

HOME = np.array(DCLAW.home_position_rad)


class ScriptedRobot(Robot):
    """Records what reaches the implementation; fails where told to."""

    def __init__(self, fails_in: str = "") -> None:
        super().__init__(DCLAW, "scripted", "none")
        self.calls: list[str] = []
        self.fails_in = fails_in

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call == self.fails_in:
            raise RobotWriteError(f"{call} fails")

    def _configure(self) -> None:
        self._note("configure")

    def _read(self) -> RobotState:
        self._note("read")
        return make_state()

    def _activate(self) -> None:
        self._note("activate")

    def _write(self, position_rad: Vector) -> Vector:
        self._note("write")
        return position_rad + 0.001

    def _deactivate(self) -> tuple[str, ...]:
        self._note("deactivate")
        return ("FFJ11",)

    def _reset(self, target: ResetTarget) -> ResetProgress:
        self._note("reset")
        return ResetProgress.RUNNING

    def _close(self) -> None:
        self._note("close")


def test_nothing_reaches_the_implementation_while_inactive():
    robot = ScriptedRobot()
    robot.configure()
    for call in (
        lambda: robot.write(JointCommand(HOME)),
        lambda: robot.reset(ResetTarget(HOME, np.zeros(1))),
    ):
        with pytest.raises(LifecycleError):
            call()
    assert robot.calls == ["configure"]


def test_failed_configuration_leaves_it_unconfigured():
    robot = ScriptedRobot(fails_in="configure")
    with pytest.raises(RobotWriteError):
        robot.configure()
    assert robot.lifecycle is Lifecycle.UNCONFIGURED


def test_failed_activation_takes_torque_off_again():
    robot = ScriptedRobot(fails_in="activate")
    robot.configure()
    with pytest.raises(RobotWriteError):
        robot.activate()
    assert robot.calls == ["configure", "activate", "deactivate"]
    assert robot.lifecycle is Lifecycle.INACTIVE


def test_write_returns_what_the_implementation_sent():
    robot = ScriptedRobot()
    robot.configure()
    robot.activate()
    sent = robot.write(JointCommand(HOME * 0.5))
    np.testing.assert_allclose(sent.target, HOME * 0.5 + 0.001)


def test_unconfirmed_torque_off_is_passed_on_and_the_robot_counts_as_inactive():
    robot = ScriptedRobot()
    robot.configure()
    robot.activate()
    assert robot.deactivate() == ("FFJ11",)
    assert robot.lifecycle is Lifecycle.INACTIVE
    assert robot.deactivate() == ("FFJ11",)  # sent again


def test_failed_torque_off_still_forbids_writes():
    robot = ScriptedRobot(fails_in="deactivate")
    robot.configure()
    robot.activate()
    with pytest.raises(RobotWriteError):
        robot.deactivate()
    with pytest.raises(LifecycleError):
        robot.write(JointCommand(HOME))


def test_close_takes_torque_off_first():
    robot = ScriptedRobot()
    robot.configure()
    robot.activate()
    robot.close()
    robot.close()
    assert robot.calls[-2:] == ["deactivate", "close"]


def test_close_releases_the_robot_even_if_torque_off_fails():
    robot = ScriptedRobot(fails_in="deactivate")
    robot.configure()
    robot.activate()
    with pytest.raises(RobotWriteError):
        robot.close()
    assert robot.calls[-1] == "close"
    assert robot.lifecycle is Lifecycle.UNCONFIGURED


def test_reasons_are_stable():
    assert RobotReadError("x").reason == "READ_FAILED"
    assert RobotWriteError("x", reason="SIMULATION_INVALID").reason == "SIMULATION_INVALID"
    assert RobotWriteError("x").reason == "WRITE_FAILED"
