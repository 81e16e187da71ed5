"""What the loop does with the robot in each state; real shared memory, virtual time."""

import time

import numpy as np
import pytest

from hal.lifecycle import Lifecycle
from mbctl.policies.snapshot import pack_snapshot
from services.ipc.words import Word


def activated(rig):
    assert rig.call("activate")["ok"]
    return rig


def in_episode(rig, steps: int = 5, **order):
    activated(rig)
    assert rig.run_episodes(**order)["ok"]
    rig.cycle_until(lambda: len(rig.rows) >= steps)
    return rig


def test_inactive_reads_and_never_writes(make_rig):
    rig = make_rig()
    assert rig.run_episodes()["reason"] == "NOT_ACTIVE"
    assert rig.call("deactivate")["ok"]
    rig.cycle(100)
    assert rig.robot.reads >= 100
    assert rig.robot.writes == []
    assert rig.robot.resets == 0
    assert rig.board().lifecycle == Lifecycle.INACTIVE
    assert rig.board().cycle == rig.robot.reads


def test_active_without_an_episode_holds_every_period(make_rig):
    rig = activated(make_rig())
    start = rig.robot.position.copy()
    before = len(rig.robot.writes), rig.robot.reads
    rig.cycle(20)
    assert len(rig.robot.writes) - before[0] == 20 == rig.robot.reads - before[1]
    np.testing.assert_allclose(rig.robot.writes, np.tile(start, (len(rig.robot.writes), 1)))


def test_after_an_episode_the_last_command_is_held(make_rig):
    rig = in_episode(make_rig())
    rig.finish()
    last = rig.robot.writes[-1]
    rig.cycle(5)
    np.testing.assert_array_equal(rig.robot.writes[-5:], np.tile(last, (5, 1)))


def test_lockstep_steps_nothing_between_episodes(make_rig):
    rig = activated(make_rig("lockstep"))
    rig.run_episodes()
    rig.finish()
    before = rig.robot.reads, len(rig.robot.writes), rig.clock.now_ns()
    rig.cycle(5)
    assert (rig.robot.reads, len(rig.robot.writes), rig.clock.now_ns()) == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"count": 0}, "BAD_COMMAND"),
        ({"purpose": "play"}, "BAD_COMMAND"),
        ({"first_index": -1}, "BAD_COMMAND"),
        ({"surprise": 1}, "BAD_COMMAND"),
        ({"operation": ""}, "BAD_COMMAND"),
        ({"explore": None}, "BAD_COMMAND"),
    ],
)
def test_bad_orders_are_refused_by_name(make_rig, change, reason):
    rig = activated(make_rig())
    reply = rig.run_episodes(**change)
    assert (reply["ok"], reply["reason"]) == (False, reason)
    assert next(iter(change)) in reply["message"]


def test_orders_need_policy_lease_and_a_free_robot(make_rig):
    rig = activated(make_rig(policy=False))
    assert rig.run_episodes()["reason"] == "NO_POLICY"
    rig = activated(make_rig())
    assert rig.run_episodes()["ok"]
    assert rig.run_episodes(operation="other")["reason"] == "BUSY"
    rig = make_rig()
    rig.words.set(Word.LEASE_DEADLINE_NS, 0)
    assert rig.call("activate")["reason"] == "LEASE_REQUIRED"
    assert not rig.robot.torque


def test_unknown_verb_and_garbage_are_answered(make_rig):
    rig = make_rig()
    assert rig.call("fly")["reason"] == "BAD_COMMAND"
    rig.commands.try_push(b"\xff{")
    rig.commands.try_push(b"[1]")
    rig.cycle()
    assert [e["reason"] for e in rig.of_type("reply")[-2:]] == ["BAD_COMMAND"] * 2


def test_emergency_stop_during_an_episode(make_rig):
    rig = in_episode(make_rig())
    writes = len(rig.robot.writes)
    rig.words.set(Word.ESTOP_REQUESTED, 1)
    rig.cycle()
    assert not rig.robot.torque
    assert len(rig.robot.writes) == writes
    assert rig.words.get(Word.ESTOP_DONE) == 1
    assert rig.lifecycle == Lifecycle.E_STOPPED
    assert rig.of_type("episode_finished")[-1]["end_reason"] == "FAULT"
    assert rig.of_type("episodes_done")[-1]["reason"] == "E_STOPPED"
    assert rig.of_type("episode_finished")[-1]["steps"] == len(rig.rows)
    for verb in ("activate", "clear_fault", "deactivate"):
        assert not rig.call(verb)["ok"]
    assert rig.call("release_estop")["ok"]
    rig.cycle(20)
    assert rig.lifecycle == Lifecycle.INACTIVE
    assert len(rig.robot.writes) == writes


def test_lost_lease_holds_ramps_and_takes_torque_off(make_rig):
    rig = in_episode(make_rig())
    rig.words.set(Word.LEASE_DEADLINE_NS, time.monotonic_ns() - 1)
    rig.cycle()
    assert rig.lifecycle == Lifecycle.HOLD
    assert rig.of_type("episodes_done")[-1]["reason"] == "LEASE_LOST"
    assert rig.of_type("episode_finished")[-1]["end_reason"] == "CANCELLED"
    assert rig.of_type("episode_finished")[-1]["steps"] == len(rig.rows)
    assert rig.robot.torque
    begun = rig.clock.now_ns()
    rig.cycle_until(lambda: not rig.robot.torque)
    assert rig.clock.now_ns() - begun == pytest.approx(1e9, abs=2e8)  # hold 0.5 s, ramp 0.5 s
    assert rig.lifecycle == Lifecycle.INACTIVE
    assert rig.of_type("torque_off")[-1] == {
        **rig.of_type("torque_off")[-1],
        "cause": "LEASE_LOST",
        "torque_off_failed": [],
    }


def test_infinite_action_latches_a_fault_with_fifty_cycles(make_rig, make_snapshot):
    rig = activated(make_rig())
    rig.cycle(60)
    rig.slot.publish(pack_snapshot(make_snapshot(2, finite=False)))
    assert rig.run_episodes()["ok"]
    rig.cycle_until(lambda: rig.lifecycle == Lifecycle.FAULT)
    (fault,) = rig.of_type("fault")
    assert fault["reason"] == "COMMAND_NOT_FINITE"
    assert len(fault["cycles"]) == 50
    assert fault["cycles"][-1]["verdict"] == "COMMAND_NOT_FINITE"
    assert len(fault["cycles"][0]["position"]) == 9
    assert rig.robot.torque, "a broken policy is no reason to drop the robot"
    assert rig.call("clear_fault")["reason"] == "STOP_IN_PROGRESS"
    rig.cycle_until(lambda: not rig.robot.torque)
    assert np.isfinite(rig.robot.writes).all()
    assert rig.lifecycle == Lifecycle.FAULT
    assert rig.call("activate")["reason"] == "WRONG_LIFECYCLE"
    writes = len(rig.robot.writes)
    assert rig.call("clear_fault")["ok"]
    assert rig.call("clear_fault")["reason"] == "NO_FAULT"
    rig.cycle(10)
    assert rig.lifecycle == Lifecycle.INACTIVE
    assert len(rig.robot.writes) == writes


@pytest.mark.parametrize(
    ("failure", "reason"), [("fail_read", "READ_FAILED"), ("fail_write", "WRITE_FAILED")]
)
def test_a_robot_that_does_not_answer_loses_torque_at_once(make_rig, failure, reason):
    rig = in_episode(make_rig())
    setattr(rig.robot, failure, True)
    rig.cycle()
    assert not rig.robot.torque
    assert rig.of_type("fault")[-1]["reason"] == reason
    assert rig.of_type("episodes_done")[-1]["reason"] == reason
    rig.cycle(5)
    assert len(rig.of_type("fault")) == 1


def test_an_unreadable_joint_makes_invalid_rows_and_then_a_fault(make_rig):
    rig = in_episode(make_rig(), steps=1)
    first = rig.robot.reads + 2
    rig.robot.invalid = {first}
    rig.cycle(8)
    layout_valid = [np.frombuffer(row.row, np.float32)[-1] for row in rig.rows]
    assert layout_valid.count(0) == 2  # the row that ends and the row that begins with that state
    rig.robot.invalid = set(range(rig.robot.reads, rig.robot.reads + 20))
    rig.cycle_until(lambda: rig.lifecycle == Lifecycle.FAULT, 10)
    assert rig.of_type("fault")[-1]["reason"] == "STATE_INVALID"
    assert not rig.robot.torque


def test_a_joint_unread_before_the_first_command_is_waited_for_but_not_for_ever(make_rig):
    rig = make_rig()
    rig.robot.invalid = {rig.robot.reads + 2, rig.robot.reads + 3}
    activated(rig)
    writes = len(rig.robot.writes)
    rig.cycle(5)
    assert rig.lifecycle == Lifecycle.ACTIVE
    assert len(rig.robot.writes) > writes, "it is held as soon as it is known where"
    rig = make_rig()
    rig.robot.invalid = set(range(rig.robot.reads, rig.robot.reads + 50))
    activated(rig)
    rig.cycle_until(lambda: rig.lifecycle == Lifecycle.FAULT, 10)
    assert rig.of_type("fault")[-1]["reason"] == "STATE_INVALID"
    assert rig.robot.writes == []


def test_the_first_step_of_an_episode_waits_for_a_joint_that_was_not_read(make_rig):
    rig = activated(make_rig())
    assert rig.run_episodes()["ok"]
    rig.cycle_until(lambda: rig.robot.resets == 1)
    rig.robot.invalid = {rig.robot.reads + 1}
    rig.finish()
    assert len(rig.rows) == rig.task.episode_steps
    assert all(np.frombuffer(row.row, np.float32)[-1] == 1 for row in rig.rows)


def test_a_fault_survives_an_emergency_stop(make_rig):
    rig = in_episode(make_rig())
    rig.robot.fail_write = True
    rig.cycle_until(lambda: rig.lifecycle == Lifecycle.FAULT)
    rig.words.set(Word.ESTOP_REQUESTED, 1)
    rig.cycle()
    assert rig.lifecycle == Lifecycle.E_STOPPED
    rig.call("release_estop")
    assert rig.lifecycle == Lifecycle.FAULT
    assert rig.call("clear_fault")["ok"]


def test_unconfirmed_torque_off_is_a_fault(make_rig):
    rig = activated(make_rig())
    rig.robot.unconfirmed = ("FFJ10",)
    reply = rig.call("deactivate")
    assert (reply["ok"], reply["reason"]) == (False, "FAULT")
    fault = rig.of_type("fault")[-1]
    assert fault["reason"] == "TORQUE_OFF_UNCONFIRMED"
    assert "FFJ10" in fault["message"]


def test_deactivate_answers_when_torque_is_off(make_rig):
    rig = in_episode(make_rig())
    assert rig.call("deactivate")["ok"]
    assert not rig.robot.torque
    assert rig.lifecycle == Lifecycle.INACTIVE
    assert rig.of_type("episodes_done")[-1]["reason"] == "DEACTIVATED"


def test_cancel_ends_with_the_next_step_and_holds(make_rig):
    rig = in_episode(make_rig(), count=3)
    assert rig.call("cancel_episodes", operation="other")["reason"] == "NO_EPISODES"
    assert rig.call("cancel_episodes", operation="op")["ok"]
    (finished,) = rig.of_type("episode_finished")
    assert (finished["end_reason"], finished["steps"]) == ("CANCELLED", len(rig.rows))
    assert rig.rows[-1].last
    assert rig.of_type("episodes_done")[-1]["reason"] == "CANCELLED"
    writes = len(rig.robot.writes)
    rig.cycle(3)
    assert rig.lifecycle == Lifecycle.ACTIVE
    assert len(rig.robot.writes) == writes + 3


def test_board_shows_the_running_episode(make_rig):
    rig = in_episode(make_rig(), count=2)
    record = rig.board()
    assert record.episode.operation == "op"
    assert record.episode.episode_id == "t00000000"
    assert (record.episode.finished, record.episode.requested) == (0, 2)
    assert record.policy_version == 1
    assert record.state is not None
    assert record.step >= 5
    rig.finish()
    assert rig.board().episode.operation == ""
