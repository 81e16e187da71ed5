"""One joint moves slowly, as far as it was told, under a lease; anything else ends it."""

import numpy as np
import pytest

from hal.lifecycle import Lifecycle
from services.controller.control.jog import Jog
from services.ipc.words import Word

HALF_RANGE = {"delta_rad": 0.2, "speed_rad_s": 0.5}


def jogging(rig, joint: str = "FFJ10", **changed) -> str:
    assert rig.call("activate")["ok"]
    command_id = rig.send("jog", **{"joint": joint, **HALF_RANGE, **changed})
    rig.cycle(2)
    return command_id


def reply_to(rig, command_id: str) -> dict:
    rig.cycle_until(lambda: any(e.get("id") == command_id for e in rig.events), 200)
    return next(e for e in rig.events if e.get("id") == command_id)


def test_targets_advance_evenly_and_end_at_the_goal():
    jog = Jog("c", np.zeros(3), 1, -0.25, 0.5, 0.1)
    targets = [jog.next_target() for _ in range(8)]
    np.testing.assert_allclose([t[1] for t in targets[:5]], np.linspace(-0.05, -0.25, 5))
    assert [t[1] for t in targets[5:]] == [-0.25] * 3
    assert not np.any([(t[0], t[2]) for t in targets])
    assert jog.is_done


def test_a_jog_too_small_for_a_step_takes_one():
    jog = Jog("c", np.zeros(1), 0, 1e-6, 0.5, 0.1)
    assert jog.next_target()[0] == pytest.approx(1e-6)


@pytest.mark.parametrize("clock", ["wall", "lockstep"])
def test_only_the_named_joint_moves_and_no_faster_than_told(make_rig, clock):
    rig = make_rig(clock)
    rig.loop._first_read()  # what `run` begins with
    start = rig.robot.position.copy()
    assert reply_to(rig, jogging(rig, "MFJ20", delta_rad=-0.3))["ok"]
    joint = rig.robot.spec.joint_names.index("MFJ20")
    moved = rig.robot.position - start
    assert moved[joint] == pytest.approx(-0.3)
    assert not np.delete(moved, joint).any()
    steps = np.abs(np.diff([w[joint] for w in rig.robot.writes]))
    assert steps.max() <= 0.5 * 0.1 + 1e-9
    assert rig.lifecycle == Lifecycle.ACTIVE


def test_it_is_held_where_it_was_brought(make_rig):
    rig = make_rig()
    assert reply_to(rig, jogging(rig))["ok"]
    there = rig.robot.writes[-1]
    rig.cycle(5)
    np.testing.assert_array_equal(rig.robot.writes[-1], there)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"joint": "FFJ99"}, "UNKNOWN_JOINT"),
        ({"delta_rad": 0.53}, "BAD_COMMAND"),
        ({"delta_rad": float("nan")}, "BAD_COMMAND"),
        ({"speed_rad_s": 0.51}, "BAD_COMMAND"),
        ({"speed_rad_s": 0.0}, "BAD_COMMAND"),
    ],
)
def test_what_it_cannot_do_is_refused_and_moves_nothing(make_rig, change, reason):
    rig = make_rig()
    start = rig.robot.position.copy()
    assert reply_to(rig, jogging(rig, **change))["reason"] == reason
    rig.cycle(5)
    np.testing.assert_array_equal(rig.robot.position, start)


def test_a_joint_stays_in_its_range(make_rig):
    rig = make_rig()
    spec = rig.robot.spec
    rig.robot.position[0] = spec.position_max_rad[0] - 0.1
    reply = reply_to(rig, jogging(rig, spec.joint_names[0], delta_rad=0.2))
    assert reply["reason"] == "JOINT_OUT_OF_RANGE"
    assert spec.joint_names[0] in reply["message"]


def test_it_needs_an_active_robot_a_lease_and_nothing_else_running(make_rig):
    rig = make_rig()
    assert rig.call("jog", joint="FFJ10", **HALF_RANGE)["reason"] == "NOT_ACTIVE"
    jogging(rig)
    assert rig.call("jog", joint="FFJ11", **HALF_RANGE)["reason"] == "BUSY"
    assert rig.run_episodes()["reason"] == "BUSY"
    rig = make_rig()
    rig.call("activate")
    assert rig.run_episodes()["ok"]
    assert rig.call("jog", joint="FFJ10", **HALF_RANGE)["reason"] == "BUSY"


@pytest.mark.parametrize(
    ("interrupt", "reason"),
    [
        (lambda rig: rig.words.set(Word.ESTOP_REQUESTED, 1), "E_STOPPED"),
        (lambda rig: rig.words.set(Word.LEASE_DEADLINE_NS, 0), "LEASE_LOST"),
        (lambda rig: setattr(rig.robot, "fail_read", True), "READ_FAILED"),
        (lambda rig: rig.send("deactivate"), "DEACTIVATED"),
    ],
)
def test_whatever_stops_the_robot_ends_it(make_rig, interrupt, reason):
    rig = make_rig()
    command_id = jogging(rig, delta_rad=0.4, speed_rad_s=0.05)
    position = rig.robot.position.copy()
    interrupt(rig)
    reply = reply_to(rig, command_id)
    assert (reply["ok"], reply["reason"]) == (False, reason)
    rig.cycle_until(lambda: not rig.robot.torque)
    assert np.abs(rig.robot.position - position).max() < 0.02


class StiffJoint:
    """Lets one joint of the obedient robot follow only a share of what it is told."""

    def __init__(self, rig, joint: int, share: float) -> None:
        self._write, self._joint, self._share = rig.robot._write, joint, share
        self._start = rig.robot.position[joint]
        self._robot = rig.robot
        rig.robot._write = self

    def __call__(self, position_rad):
        sent = self._write(position_rad)
        wanted = position_rad[self._joint] - self._start
        self._robot.position[self._joint] = self._start + self._share * wanted
        return sent


@pytest.mark.parametrize("clock", ["wall", "lockstep"])
@pytest.mark.parametrize(
    ("share", "left"), [(0.0, "11.5"), (0.5, "5.7"), (-0.2, "13.5"), (2, "-11.5")]
)
def test_a_joint_that_does_not_arrive_is_an_error_with_the_distance_left(
    make_rig, clock, share, left
):
    rig = make_rig(clock)
    rig.loop._first_read()
    StiffJoint(rig, 0, share)
    reply = reply_to(rig, jogging(rig))
    assert (reply["ok"], reply["reason"]) == (False, "JOG_NOT_ARRIVED")
    assert "FFJ10" in reply["message"]
    assert f"{left} degrees are left" in reply["message"]
    assert rig.lifecycle == Lifecycle.ACTIVE


def test_one_that_did_not_arrive_is_not_pushed_any_further(make_rig):
    rig = make_rig()
    rig.loop._first_read()
    StiffJoint(rig, 0, 0.1)
    start = rig.robot.position.copy()
    assert not reply_to(rig, jogging(rig))["ok"]
    rig.cycle(3)
    assert rig.robot.writes[-1][0] == pytest.approx(start[0] + 0.02, abs=1e-6)
    np.testing.assert_allclose(rig.robot.writes[-1][1:], start[1:])


@pytest.mark.parametrize("delta_rad", [0.009, -0.03])
def test_a_small_jog_that_moved_nothing_has_not_arrived_either(make_rig, delta_rad):
    rig = make_rig()
    rig.loop._first_read()
    StiffJoint(rig, 0, 0.0)
    assert reply_to(rig, jogging(rig, delta_rad=delta_rad))["reason"] == "JOG_NOT_ARRIVED"


def test_a_joint_that_hangs_through_a_little_has_arrived(make_rig):
    rig = make_rig()
    rig.loop._first_read()
    StiffJoint(rig, 0, 0.85)
    assert reply_to(rig, jogging(rig))["ok"]


def test_a_slow_joint_is_waited_for(make_rig):
    rig = make_rig()
    rig.loop._first_read()
    write, robot = rig.robot._write, rig.robot

    def slowly(position_rad):
        before = robot.position.copy()
        sent = write(position_rad)
        robot.position = before + np.clip(position_rad - before, -0.02, 0.02)
        return sent

    robot._write = slowly
    assert reply_to(rig, jogging(rig))["ok"]


def test_a_joint_that_cannot_be_read_in_the_end_has_not_arrived(make_rig):
    rig = make_rig(gate={"invalid_reads_max": 100})
    rig.loop._first_read()
    command_id = jogging(rig)
    rig.robot.invalid = set(range(rig.robot.reads + 1, rig.robot.reads + 500))
    reply = reply_to(rig, command_id)
    assert reply["reason"] == "JOG_NOT_ARRIVED"
    assert "could not be read" in reply["message"]
