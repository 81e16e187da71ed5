"""The trainer as real processes: learning on schedule, kills, refusals, clean ends."""

import hashlib
import importlib.util
import os
import signal
import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mbctl import exit_codes
from mbctl.algorithms.registry import build_algorithm
from mbctl.data.replay import Replay
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import row_layout
from mbctl.policies.snapshot import encode_weights, load_snapshot, version_dir
from mbctl.tasks.registry import make_task
from services.errors import ServiceError

TASK = make_task("dclaw-turn-random")


def test_it_learns_on_schedule_and_publishes(
    start_trainer, sender, make_chunks, eventually
) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
        assert [v.version for v in client.versions()] == [1]
        assert "80 more training rows" in client.status().blocked
        sender(client).send(make_chunks(160))
        status = eventually(lambda: (s := client.status()).newest_version == 4 and s)
        assert (status.rows_stored, status.train_rows_stored, status.train_rows_used) == (160,) * 3
        assert status.next_refit_at_rows == 200
        assert status.promoted_version == 4
        assert "40 more training rows of 200" in status.blocked
        assert [v.train_rows for v in client.versions()] == [160, 120, 80, 0]
        assert [v.parent_version for v in client.versions()] == [3, 2, 1, 0]
        assert [m.train_rows for m in client.metrics(after_refit=1)] == [120, 160]
        assert "model_loss" in status.metrics
        assert "not_finite" not in status.metrics
    expected = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert os.getpriority(os.PRIO_PROCESS, trainer.learner_pid()) == expected
    snapshot = load_snapshot(version_dir(trainer.run_dir / "versions", 4))
    check_snapshot(snapshot, TASK)
    assert trainer.stop() == exit_codes.OK
    assert not (trainer.run_dir / "trainer.address").exists()


def test_evaluation_and_invalid_rows_never_train(
    start_trainer, sender, make_chunk, eventually
) -> None:
    trainer = start_trainer(initial_rows=70)
    broken = make_chunk(41).matrix.copy()
    broken[:10, -1] = 0.0
    broken[0, 0] = float("nan")
    chunks = [
        make_chunk(1, purpose="evaluate", episode=None),
        make_chunk(41, rows=broken.tobytes()),
        make_chunk(81),
    ]
    with trainer.client() as client:
        sender(client).send(chunks)
        status = eventually(lambda: (s := client.status()).newest_version == 2 and s)
        assert (status.rows_stored, status.train_rows_stored) == (120, 70)


def weights_after(trainer, client, version: int, eventually) -> str:
    eventually(lambda: client.status().newest_version >= version, 60)
    path = version_dir(trainer.run_dir / "versions", version)
    return load_snapshot(path).manifest.weights_sha256


def learn_here(algorithm, chunks, stops: range) -> str:
    """What undisturbed learning on the schedule comes to: the weights' hash."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = np.concatenate([chunk.matrix for chunk in chunks])
    steps = np.concatenate([np.arange(chunk.row_count) for chunk in chunks])
    replay = Replay(row_layout(TASK), algorithm.settings.buffer_rows)
    for stop in stops:
        replay.append(rows[replay.total : stop], steps[replay.total : stop])
        algorithm.refit(replay, lambda *_: None)
        algorithm.improve(replay, lambda *_: None)
    torch.set_num_threads(threads)
    return hashlib.sha256(encode_weights(algorithm.snapshot()[1])).hexdigest()


def test_a_killed_learner_goes_on_exactly_where_it_stood(
    start_trainer, sender, make_chunks, eventually
) -> None:
    """PAL, killed in the middle of a refit, learns what PAL in one piece learns."""
    settings = {
        "initial_rows": 80,
        "rows_per_refit": 40,
        "members": 2,
        "model_hidden": [32, 32],
        "model_epochs": 1,
        "model_steps_min": 400,
        "npg_steps": 2,
        "rollouts": 20,
        "horizon": 10,
        "buffer_rows": 100,
    }
    chunks = make_chunks(120)
    trainer = start_trainer(algorithm="pal", **settings)
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
        sender(client).send(chunks[:2])
        eventually(lambda: client.status().phase == "REFIT" and client.status().fraction > 0)
        os.kill(trainer.learner_pid(), signal.SIGKILL)
        eventually(lambda: client.status().phase == "STARTING")
        eventually(lambda: client.status().newest_version == 2, 60)
        os.kill(trainer.learner_pid(), signal.SIGKILL)
        sender(client).send(chunks)
        learned = weights_after(trainer, client, 3, eventually)
        assert [m.train_rows for m in client.metrics()] == [80, 120]
    assert learned == learn_here(
        build_algorithm("pal", settings, TASK, 0), chunks, range(80, 121, 40)
    )


def test_killed_trainers_lose_no_acknowledged_row_and_learn_the_same(
    start_trainer, sender, make_chunks, eventually
) -> None:
    """The whole daemon is killed again and again under load, and restarted on its directory."""
    chunks = make_chunks(400)
    for cut in (40, 120, 240):
        trainer = start_trainer(step_s=0.01)
        with trainer.client() as client:
            robot = sender(client)
            rest = chunks[(robot.resume_point() - 1) // 40 :]
            with pytest.raises(ServiceError, match="UNREACHABLE"):
                robot.send(rest, lambda n, t=trainer, c=cut: n > c and t.kill(), window=2)
        database = trainer.run_dir / "trainer.db"
        reached = query(database, "SELECT next_sequence FROM spools")[0][0]
        assert reached >= robot.acknowledged > cut
        assert reached < 401
        eventually(lambda t=trainer: not alive(t.learner_pid()))
    trainer = start_trainer(step_s=0.01)
    with trainer.client() as client:
        robot = sender(client)
        robot.send(chunks[(robot.resume_point() - 1) // 40 :])
        learned = weights_after(trainer, client, 10, eventually)
    stored = query(database, "SELECT first_sequence, rows, stamps FROM chunks ORDER BY chunk_id")
    assert stored == [(c.first_sequence, c.rows, c.stamps) for c in chunks]
    rows = b"".join(chunk.rows for chunk in chunks)
    for refit, used, digest in query(database, "SELECT refit, train_rows, rows_sha256 FROM refits"):
        assert used == 40 + 40 * refit
        assert digest == hashlib.sha256(rows[: used * row_layout(TASK).row_bytes]).hexdigest()
    settings = {"initial_rows": 80, "rows_per_refit": 40}
    assert learned == learn_here(
        load_tiny().build("tiny", settings, TASK, 0, "cpu"), chunks, range(80, 401, 40)
    )


def load_tiny():
    path = Path(__file__).parent / "tiny_learner.py"
    spec = importlib.util.spec_from_file_location("tiny_learner", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def query(path: Path, text: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(text).fetchall()
    finally:
        connection.close()


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except FileNotFoundError:
        return False


def test_a_learner_that_keeps_dying_is_reported(
    start_trainer, sender, make_chunks, eventually
) -> None:
    trainer = start_trainer(die="start")
    with trainer.client() as client:
        status = eventually(lambda: (s := client.status()).phase == "FAILED" and s)
        assert "exit code 9" in status.error
        assert "cannot think" in status.error
        with pytest.raises(ServiceError) as caught:
            client.refit()
        assert caught.value.reason == "LEARNER_FAILED"
        assert not client.is_serving()
        sender(client).send(make_chunks(80))  # rows are safe all the same
        assert client.status().rows_stored == 80


def test_a_database_that_fails_ends_the_daemon(start_trainer, sender, make_chunks) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        sender(client).send(make_chunks(40))
        query(trainer.run_dir / "trainer.db", "ALTER TABLE chunks RENAME TO lost")
        with pytest.raises(ServiceError) as caught:
            sender(client).send(make_chunks(80))
        assert caught.value.reason == "STORE_FAILED"
    assert trainer.process.wait(15) == exit_codes.FAULT
    assert "no such table" in trainer.log.read_text()


def test_one_chunk_of_nonsense_harms_nobody_else(
    start_trainer, sender, make_chunk, make_chunks
) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        for name, change in {
            "wall": {"wall_ns": 2**62 * 2},
            "version": {"policy_version": 2**62 + 1},
            "sequence": {"first_sequence": 2**63 - 40},
            "boot": {"boot_id": "a\0b"},
            "calibration": {"calibration_version": "x" * 3_000_000},
        }.items():
            hostile = sender(client, spool_id=os.urandom(16).hex(), robot="evil")
            chunk = make_chunk(1, robot="evil", episode=None, **change)
            with pytest.raises(ServiceError, match="CHUNK_INVALID"):
                hostile.send([chunk])
            assert hostile.acknowledged == 1, name
        honest = sender(client)
        honest.send(make_chunks(80))
        assert honest.acknowledged == 81
        assert client.status().rows_stored == 80
        assert client.caller.is_serving("mbctl.v1.IngestService")
    assert trainer.stop() == exit_codes.OK


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_database_taken_away_ends_the_daemon_with_a_reason(
    start_trainer, sender, make_chunks, how
) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        sender(client).send(make_chunks(40))
    database = trainer.run_dir / "trainer.db"
    content = database.read_bytes()
    database.unlink()
    if how == "replaced":
        database.write_bytes(content)
    assert trainer.process.wait(15) == exit_codes.FAULT
    (failed,) = [e for e in trainer.events() if e["event"] == "store_failed"]
    assert failed["reason"] == "STORE_DISPLACED"
    assert f"{database} was {how}" in failed["error"]


def refusal_of(trainer) -> str:
    assert trainer.process.wait(60) == exit_codes.START_UP
    return trainer.log.read_text()


def test_a_directory_that_does_not_fit_is_refused_at_the_start(start_trainer, eventually) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
    assert trainer.stop() == exit_codes.OK
    message = refusal_of(start_trainer(seed=1, rows_per_refit=41))
    assert "seed was 0, is 1; settings.rows_per_refit was 40, is 41" in message
    (trainer.run_dir / "checkpoint" / "learner.safetensors").unlink()
    assert "holds version 1" in refusal_of(start_trainer())


def test_names_and_files_that_cannot_be_are_refused_at_the_start(start_trainer) -> None:
    assert "unknown task 'dclaw-juggle'" in refusal_of(start_trainer("a", task="dclaw-juggle"))
    trainer = start_trainer("b", algorithm="huge")
    assert "unknown algorithm 'huge'" in refusal_of(trainer)
    (trainer.run_dir / "trainer.db").write_text("not a database at all " * 50)
    for suffix in ("-wal", "-shm"):
        (trainer.run_dir / f"trainer.db{suffix}").unlink(missing_ok=True)
    assert "not an SQLite database" in refusal_of(start_trainer("b"))
    (trainer.run_dir.parent / "c").write_text("a file")
    assert "cannot be used" in refusal_of(start_trainer("c"))


def test_a_second_trainer_in_the_same_directory_is_refused(start_trainer) -> None:
    first = start_trainer()
    first.address()
    second = start_trainer()
    assert second.process.wait(60) == exit_codes.START_UP
    assert f"process {first.process.pid}" in second.log.read_text()


SLOW_DISK = """
import time
from mbctl.data.chunk_store import ChunkStore
append = ChunkStore.append
ChunkStore.append = lambda store, chunks: (time.sleep(6.0), append(store, chunks))[1]
"""


def test_a_slow_disk_may_finish_what_it_has_begun(
    start_trainer, sender, make_chunks, eventually
) -> None:
    trainer = start_trainer(first=SLOW_DISK)
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
        robot = sender(client)
        threading.Timer(2.0, trainer.process.terminate).start()
        with pytest.raises(ServiceError, match="DRAINING"):
            robot.send(make_chunks(40))
    assert trainer.process.wait(30) == exit_codes.OK
    assert query(trainer.run_dir / "trainer.db", "SELECT next_sequence FROM spools") == [(41,)]


SHORT_OF_FILES = """
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.sqlite import StoreShortError
def short(*_):
    raise StoreShortError("the files of database trainer.db cannot be opened now")
ChunkStore.check_contents = short
"""


def test_a_shortage_while_the_database_is_read_through_ends_nothing(
    start_trainer, sender, make_chunks, eventually
) -> None:
    trainer = start_trainer(first=SHORT_OF_FILES)
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
        time.sleep(1.5)  # the daemon looks every half second
        sender(client).send(make_chunks(40))
    assert trainer.stop() == exit_codes.OK
