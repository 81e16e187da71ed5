"""Plug-ins of another package look on at a real controller, and nothing of it minds them."""

import contextlib
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from hal.lifecycle import Lifecycle
from services.controller.subscriptions import CLOSE_S
from tests.recipes import PROJECT, install, recipe

EPISODES = 3
BAD = """
import time

from services.controller.subscriber import Subscriber, subscriber


@subscriber("raises")
class Raises(Subscriber):
    def on_cycle(self, cycle):
        raise RuntimeError("out of paper")


@subscriber("sleeps")
class Sleeps(Subscriber):
    def on_cycle(self, cycle):
        time.sleep(60)
"""


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the recorder writes; it and bad ones are installed, as another package."""
    files = recipe("Something that looks on")
    files[PROJECT] += 'bad = "lab.bad"\n'
    site = install(tmp_path / "site", {**files, "lab/bad.py": BAD})
    monkeypatch.setenv("PYTHONPATH", str(site))
    return tmp_path / "seen.jsonl"


def rows_of(run_dir: Path) -> bytes:
    (database,) = run_dir.rglob("spool.db")
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as spool:
        found = spool.execute("SELECT rows FROM chunks ORDER BY chunk_id").fetchall()
    return b"".join(rows for (rows,) in found)


def run(start_controller, run_dir: Path, publish, policy, wait_for, **fields):
    """Some episodes and an emergency stop; returns the status in between, and the daemon."""
    publish(run_dir, policy(1))
    controller = start_controller(run_dir, **fields)
    with controller.client() as client:
        wait_for(lambda: client.status().policy.version == 1)
        with client.lease("tester", window_s=10.0) as lease:
            client.activate(lease)
            client.run_episodes(lease, EPISODES, "train", True, 0).wait()
            status = client.status()
        client.emergency_stop("a test")
        wait_for(lambda: client.status().lifecycle == Lifecycle.E_STOPPED)
    assert controller.stop() == 0
    return status, controller


def test_a_recorder_sees_everything_and_bad_ones_spoil_nothing(
    start_controller, tmp_path, recording, publish, policy, wait_for
):
    wanted = {"recorder": {"path": str(recording)}, "raises": {}, "sleeps": {}}
    status, controller = run(
        start_controller, tmp_path / "watched", publish, policy, wait_for, subscribers=wanted
    )
    run(start_controller, tmp_path / "alone", publish, policy, wait_for)
    assert rows_of(tmp_path / "watched") == rows_of(tmp_path / "alone") != b""
    assert not controller.events("fault")

    seen = [json.loads(line) for line in recording.read_text().splitlines()]
    assert seen[0]["task"] == "dclaw-turn-random"
    assert seen[-1] == {"closed": True}
    assert [s["fault"] for s in seen if "fault" in s] == ["EMERGENCY_STOP"]
    ended = [(s["id"], s["steps"]) for s in seen if s.get("kind") == "finished"]
    assert ended == [(f"t{index:08d}", 40) for index in range(EPISODES)]
    commanded = [s for s in seen if s.get("episode") and s["sent"]]
    assert [s["step"] for s in commanded] == [*range(40)] * EPISODES
    measured, sent = (np.array([s[key] for s in commanded]) for key in ("measured_ns", "sent_ns"))
    assert (sent >= measured).all()
    assert (np.diff(measured) > 0).all()
    assert np.isfinite([s["position"] for s in commanded]).all()
    assert len(seen[0]["joints"]) == len(commanded[0]["sent"])

    told = {warning.partition(":")[0] for warning in status.health.warnings}
    assert "SUBSCRIBER_FAILS" in told
    assert any("out of paper" in warning for warning in status.health.warnings)
    left = controller.events("subscriber_left_behind")
    assert [event["subscriber"] for event in left] == ["sleeps"]
    assert CLOSE_S <= 1.0


def test_a_subscriber_that_nobody_has_is_named_at_the_start(start_controller, tmp_path, recording):
    controller = start_controller(tmp_path / "run", subscribers={"recordr": {}})
    assert controller.process.wait(60) == 3
    (event,) = controller.events("start_up_failed")
    assert "unknown subscriber 'recordr'; did you mean 'recorder'?" in event["message"]
