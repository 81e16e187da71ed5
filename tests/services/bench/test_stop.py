"""A quick run of real kills and stops, and what is made of trials."""

import json

import pytest

from services.bench.stop import (
    StopSizes,
    kill_details,
    kill_figures,
    restart_details,
    run_stop,
    stop_figures,
)
from services.bench.stop_journal import TrialJournal
from services.bench.stop_kills import VICTIMS

pytestmark = pytest.mark.xdist_group("timing")


def trial(**changed):
    quiet = {
        "was_moving": True,
        "released_s": 0.1,
        "stop_s": 0.2,
        "last_motion_s": 0.2,
        "travel_rad": 0.01,
        "limp_s": None,
        "stalled_s": 0.0,
    }
    return quiet | changed


def restarted(**changed):
    return {
        "torques_found": 9,
        "torques_reported": 9,
        "drift_rad": 0.0,
        "goals_at_restart": 0,
        "torque_on_at_restart": 0,
    } | changed


def test_who_never_stopped_is_late():
    trials = [trial(released_s=0.09), trial(released_s=None, stop_s=None)]
    figures = {f.name: f for f in kill_figures("both", trials, [trial(stop_s=1.5)])}
    assert figures["drive ended, both killed, later than limit"].value == 0.5
    assert figures["drive ended, both killed, max"].reached is False
    assert figures["standstill, both killed, p50"].baseline == 1500
    within = kill_figures("both", [trial(released_s=0.11)], [trial(stop_s=1.5)])
    assert [f.reached for f in within if f.goal] == [True, False]
    assert kill_details(trials)["no standstill in window"] == 1


def test_restarts_count_only_where_torque_was_found():
    found = restart_details([restarted(drift_rad=0.01), restarted(torques_found=0, drift_rad=0.5)])
    assert found["restarts"] == 2
    assert found["restarts that found torque on"] == 1
    assert found["of these, moved more than 2 ticks"] == 1
    assert found["of these, drift max rad"] == 0.01
    silent = restart_details([restarted(torques_reported=8)])
    assert silent["of these, reported all of it"] == 0


def test_the_limit_is_for_the_99th_percentile():
    stops = [{"last_ms": float(ms), "status_ms": 2.0} for ms in range(1, 20)]
    p50, p99, worst = stop_figures(stops)
    assert (p50.value, p50.baseline, worst.value) == (10.0, 2.0, 19.0)
    assert p99.reached is True
    assert stop_figures([{"last_ms": 21.0, "status_ms": 2.0}])[1].reached is False


def test_a_journal_keeps_trials_and_refuses_what_is_none(tmp_path):
    path = tmp_path / "trials.jsonl"
    TrialJournal(path).add("both", stop_s=0.1)
    TrialJournal(path).add("other", stop_s=None)
    (found,) = TrialJournal(path).of("both")
    assert (found["stop_s"], found["load"] >= 0) == (0.1, True)
    path.write_text("[1]\n")
    with pytest.raises(ValueError, match=r"trials\.jsonl:1: expected an object with a kind"):
        TrialJournal(path)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_real_kills_and_stops_and_no_trial_twice(said, tmp_path):
    journal = tmp_path / "trials.jsonl"
    sizes = StopSizes(kills=3, stops=1, baseline_kills=1)
    report = run_stop(sizes, said.append, quick=True, journal=journal)
    assert len(report.figures) == 3 + 6 * len(VICTIMS)
    for victim in VICTIMS:
        found = report.details[victim]
        assert found["kills"] == 1
        assert found["drive never ended"] == 0, found
    both = report.details["both"]
    assert both["restarts that found torque on"] == 1
    assert both["of these, reported all of it"] == 1
    assert both["of these, moved more than 2 ticks"] == 0
    assert both["goals at restart"] == both["torque switched on at restart"] == 0
    assert report.details["emergency stop"]["torques left on"] == 0
    lines = journal.read_text().splitlines()
    again = run_stop(sizes, said.append, quick=True, journal=journal)
    assert journal.read_text().splitlines() == lines
    assert json.loads(json.dumps(again.plain()))["benchmark"] == "stop"
    assert [f.value for f in again.figures] == [f.value for f in report.figures]
