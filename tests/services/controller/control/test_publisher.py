"""What the loop tells of each cycle, while somebody looks on."""

import numpy as np

from services.ipc.words import Word


def test_each_cycle_is_told_once_with_what_was_sent(make_rig):
    rig = make_rig("lockstep")
    rig.words.set(Word.CYCLES_WANTED, 1)
    assert rig.call("activate")["ok"]
    rig.run_episodes()
    rig.finish()
    told = rig.cycles.take()
    assert [c.number for c in told] == list(range(len(told)))
    assert len({c.cycle for c in told}) == len(told) == rig.robot.reads
    steps = [c for c in told if c.command is not None]
    assert [(c.episode_id, c.step) for c in steps] == [("t00000000", n) for n in range(40)]
    np.testing.assert_array_equal([c.command for c in steps], rig.robot.writes)
    rows = {row.step: row for row in rig.rows}
    assert all(rows[c.step].observation_ns == c.state.stamp_ns for c in steps)
    assert all(rows[c.step].command_ns == c.command_ns for c in steps)


def test_nothing_is_told_while_nobody_looks_on(make_rig):
    rig = make_rig("lockstep")
    assert rig.call("activate")["ok"]
    rig.run_episodes()
    rig.finish()
    assert rig.cycles.take() == []


def test_who_takes_nothing_stops_nothing(make_rig):
    rig = make_rig("lockstep", cycles=4096)
    rig.words.set(Word.CYCLES_WANTED, 1)
    assert rig.call("activate")["ok"]
    rig.run_episodes(count=3)
    assert rig.finish()["ok"]
    assert len(rig.rows) == 120
    assert 0 < len(rig.cycles.take()) < 20
