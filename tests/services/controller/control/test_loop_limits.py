"""How the loop bears what it cannot help: full rings, missed periods, a service that has gone."""

import os
import time

import numpy as np
import pytest

from hal.lifecycle import Lifecycle
from services.ipc.words import Word


def activated(rig):
    assert rig.call("activate")["ok"]
    return rig


def test_a_full_row_ring_is_a_fault_in_wall_time_and_loses_nothing(make_rig):
    rig = activated(make_rig(rows=8192))
    rig.take_rows = False
    rig.run_episodes()
    rig.cycle_until(lambda: rig.lifecycle == Lifecycle.FAULT)
    assert rig.of_type("fault")[-1]["reason"] == "ROW_RING_FULL"
    rig.take_rows = True
    rig.cycle()
    assert [row.step for row in rig.rows] == list(range(len(rig.rows)))
    finished = rig.of_type("episode_finished")[-1]
    assert finished["steps"] == len(rig.rows) == finished["rows_total"]


def test_lockstep_waits_for_room_instead(make_rig):
    rig = activated(make_rig("lockstep", rows=8192))
    rig.take_rows = False
    rig.run_episodes()
    rig.cycle(80)
    assert not rig.of_type("episode_finished")
    stood = rig.clock.now_ns()
    rig.cycle(3)
    assert rig.clock.now_ns() == stood
    rig.take_rows = True
    rig.cycle_until(lambda: bool(rig.of_type("episodes_done")))
    assert len(rig.rows) == rig.task.episode_steps
    assert not rig.of_type("fault")


def test_lockstep_with_a_full_ring_can_still_be_stopped(make_rig):
    rig = activated(make_rig("lockstep", rows=8192))
    rig.take_rows = False
    rig.run_episodes()
    rig.cycle(80)
    rig.call("deactivate")
    assert not rig.robot.torque


def test_missed_periods_are_skipped_and_too_many_are_a_fault(make_rig):
    rig = activated(make_rig(loop={"overruns_in_a_row_max": 5}))
    rig.robot.read_takes_ns = 350_000_000  # of a period of 100 ms
    writes = len(rig.robot.writes)
    rig.cycle(5)
    assert len(rig.robot.writes) - writes <= 5
    assert rig.lifecycle == Lifecycle.ACTIVE
    rig.cycle(1)
    assert rig.of_type("fault")[-1]["reason"] == "LOOP_OVERRUN"


def test_a_few_missed_periods_in_a_row_end_the_episode_and_hold(make_rig):
    rig = activated(make_rig(loop={"overruns_degraded": 5}))
    assert rig.run_episodes(count=3)["ok"]
    rig.cycle_until(lambda: len(rig.rows) >= 5)
    rig.robot.read_takes_ns = 150_000_000
    rig.cycle_until(lambda: bool(rig.of_type("episodes_done")))
    assert rig.of_type("episodes_done")[-1]["reason"] == "LOOP_DEGRADED"
    assert rig.of_type("episode_finished")[-1]["end_reason"] == "CANCELLED"
    assert rig.run_episodes()["reason"] == "LOOP_DEGRADED"
    held = rig.robot.writes[-1]
    rig.cycle(3)
    np.testing.assert_array_equal(rig.robot.writes[-1], held)
    assert rig.lifecycle == Lifecycle.ACTIVE
    rig.robot.read_takes_ns = 0
    rig.cycle(2)
    assert rig.run_episodes()["ok"], "a period that is kept ends it"


def test_a_silent_service_stops_the_robot_and_ends_the_loop(make_rig):
    rig = activated(make_rig())
    assert rig.run_episodes()["ok"]
    rig.cycle_until(lambda: len(rig.rows) >= 5)
    rig.words.set(Word.SERVICE_HEARTBEAT_NS, time.monotonic_ns() - 1_000_000_000)
    assert rig.loop.run({}) == 6
    assert not rig.robot.torque
    assert rig.words.get(Word.STOPPED) == 1
    rig.cycle(0)
    assert rig.board().lifecycle == Lifecycle.INACTIVE


def test_a_service_that_dies_ends_the_motion_between_two_steps(make_rig):
    reader, writer = os.pipe()
    rig = make_rig(wake_fd=reader)
    rig.call("activate")
    rig.run_episodes()
    rig.cycle_until(lambda: len(rig.rows) > 3)
    os.close(writer)
    begun_ns, last = rig.clock.now_ns(), rig.robot.writes[-1]
    rig.cycle()
    assert rig.clock.now_ns() - begun_ns <= 10_000_000
    assert rig.lifecycle == Lifecycle.HOLD
    assert rig.robot.writes[-1] == pytest.approx(last)
    rig.cycle_until(lambda: rig.lifecycle == Lifecycle.INACTIVE)
    assert rig.clock.now_ns() - begun_ns < 800_000_000
    os.close(reader)


def test_terminate_stops_in_a_controlled_way_and_twice_at_once(make_rig):
    rig = activated(make_rig())
    writes, begun = len(rig.robot.writes), rig.clock.now_ns()
    rig.loop.terminate()
    assert rig.loop.run({}) == 0
    assert len(rig.robot.writes) - writes >= 4
    assert not rig.robot.torque
    assert rig.clock.now_ns() - begun <= 700_000_000, "a process told to end has a second for it"
    rig = activated(make_rig())
    writes = len(rig.robot.writes)
    rig.loop.terminate()
    rig.loop.terminate()
    assert rig.loop.run({}) == 0
    assert len(rig.robot.writes) == writes
    assert not rig.robot.torque


def test_shutdown_is_answered_and_obeyed(make_rig):
    rig = activated(make_rig())
    rig.send("shutdown")
    assert rig.loop.run({}) == 0
    assert not rig.robot.torque
