"""What the pump passes on about episodes, over a real spool, with a control process in this one."""

import queue
import sqlite3
import time

import numpy as np
import pytest

from mbctl.data.chunk_store import ChunkStore
from mbctl.episodes.seeding import TRAIN
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task
from services.controller.control_channel import Drained
from services.controller.episode_events import OpenEpisode, summary_from_event
from services.controller.row_pump import RowPump
from services.controller.sealer import ChunkSealer, Provenance
from services.controller.spool import Spool
from services.controller.subscriptions import Subscriptions
from services.ipc.row_message import RowMessage

TASK = "dclaw-turn-random"
LAYOUT = row_layout(make_task(TASK))
STEPS = 3


class Control:
    """A control process that has run one batch of one episode."""

    exit_code = None

    def __init__(self) -> None:
        row = np.zeros(LAYOUT.width, dtype="<f4").tobytes()
        rows = [RowMessage("t00000000", i, 1, i, i, i, TRAIN, False, row) for i in range(STEPS)]
        facts = {"operation": "o", "episode_id": "t00000000", "purpose": "train", "index": 0}
        about = {**facts, "policy_version": 1, "start_wall_ns": 0}
        told = {"steps": STEPS, "end_reason": "TRUNCATED", "rows_total": STEPS}
        self._made = [
            Drained(
                rows,
                [
                    {"type": "episode_started", **about},
                    {"type": "episode_finished", **about, **told},
                    {"type": "episodes_done", "operation": "o", "ok": True},
                ],
            )
        ]

    def drain(self) -> Drained:
        return self._made.pop() if self._made else Drained([], [])

    def fail(self) -> None:
        self._made.append(Drained([], [{"type": "fault"}]))

    def close(self, timeout_s: float) -> int:
        return 0

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_: object) -> None: ...


class Rig:
    """A pump that has been started, and what it tells."""

    def __init__(self, spool: Spool) -> None:
        self.told: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self.spool = spool
        self.control = Control()
        self.pump = RowPump(
            self.control,
            self.spool,
            ChunkSealer(Provenance("dclaw0", TASK, LAYOUT.hash, "sim", "mujoco", "boot")),
            OpenEpisode(LAYOUT),
            lambda event: summary_from_event(event, "dclaw0", TASK),
            self.told.put,
            Subscriptions({}),
            1.0,
        )
        self.pump.start()

    def next_of(self, kind: str) -> dict:
        while (event := self.told.get(timeout=20.0))["type"] != kind:
            pass
        return event

    def close(self) -> None:
        self.pump.stop()
        assert self.pump.join(20.0)
        self.spool.close()


@pytest.fixture
def locked(tmp_path):
    """A spool, and what lets go of its file, which somebody has locked."""
    store = ChunkStore(tmp_path / "spool.db")
    spool = Spool(store)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield spool, lambda: other.execute("ROLLBACK")
    other.close()


def test_a_batch_is_done_once_a_moment_without_the_disk_is_over(locked):
    spool, let_go = locked
    rig = Rig(spool)
    rig.next_of("episode_started")
    deadline = time.monotonic() + 20.0
    while "locked" not in rig.spool.error and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    assert rig.told.empty()  # neither finished nor done
    begin = time.monotonic()
    rig.control.fail()
    rig.next_of("fault")
    assert time.monotonic() - begin < 3.0  # it does not wait for the disk
    let_go()
    assert rig.next_of("episode_finished")["steps"] == STEPS
    assert rig.next_of("episodes_done")["ok"]
    assert rig.spool.counts().rows == STEPS
    rig.close()


def test_a_batch_whose_rows_were_left_in_memory_has_failed(locked):
    spool, let_go = locked
    rig = Rig(spool)
    rig.next_of("episode_started")
    rig.pump.stop()
    done = rig.next_of("episodes_done")
    assert (done["ok"], done["reason"]) == (False, "STORE_BUSY")
    assert "locked" in done["message"]
    let_go()
    rig.close()


def test_a_batch_whose_rows_found_no_room_has_failed(tmp_path):
    rig = Rig(Spool(ChunkStore(tmp_path / "spool.db", quota_bytes=1)))
    done = rig.next_of("episodes_done")
    assert (done["ok"], done["reason"]) == (False, "SPOOL_FULL")
    assert "quota" in done["message"]
    rig.close()
