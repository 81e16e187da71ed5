"""The trainer as real processes: learning on schedule, kills, refusals, clean ends."""

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from mbctl.policies.snapshot import check_snapshot, load_snapshot, version_dir
from mbctl.tasks.registry import make_task
from services import exit_codes
from services.errors import ServiceError


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
    snapshot = load_snapshot(version_dir(trainer.run_dir / "versions", 4))
    check_snapshot(snapshot, make_task("dclaw-turn-random"))
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


def test_a_killed_learner_goes_on_exactly_where_it_stood(
    start_trainer, sender, make_chunks, eventually
) -> None:
    """Kills in the middle of refits; the learned weights are those of an undisturbed run."""
    calm = start_trainer("calm", step_s=0.0)
    with calm.client() as client:
        sender(client).send(make_chunks(160))
        expected = weights_after(calm, client, 4, eventually)
    shaken = start_trainer("shaken", step_s=0.03)
    with shaken.client() as client:
        sender(client).send(make_chunks(160))
        for version in (1, 2):
            eventually(lambda v=version: client.status().newest_version >= v)
            eventually(lambda: client.status().phase == "REFIT" and client.status().fraction > 0.2)
            os.kill(shaken.learner_pid(), signal.SIGKILL)
            eventually(lambda: client.status().phase == "STARTING")
        assert weights_after(shaken, client, 4, eventually) == expected
        operations = [m.refit for m in client.metrics()]
        assert operations == [1, 2, 3]


def test_killed_trainers_lose_no_acknowledged_row_and_learn_the_same(
    start_trainer, sender, make_chunks, eventually
) -> None:
    """The whole daemon is killed again and again under load, and restarted on its directory."""
    chunks = make_chunks(400)
    calm = start_trainer("calm")
    with calm.client() as client:
        sender(client).send(chunks)
        expected = weights_after(calm, client, 10, eventually)
    for cut in (40, 120, 200, 280):
        trainer = start_trainer("shaken", step_s=0.01)
        with trainer.client() as client:
            robot = sender(client)
            rest = chunks[(robot.resume_point() - 1) // 40 :]
            with pytest.raises(ServiceError, match="UNREACHABLE"):
                robot.send(rest, lambda n, t=trainer, c=cut: n > c and t.kill(), window=2)
        reached = next_sequence(trainer.run_dir / "trainer.db")
        assert reached >= robot.acknowledged > cut
        assert reached < 401
        eventually(lambda t=trainer: not alive(t.learner_pid()))
    trainer = start_trainer("shaken")
    with trainer.client() as client:
        robot = sender(client)
        robot.send(chunks[(robot.resume_point() - 1) // 40 :])
        assert weights_after(trainer, client, 10, eventually) == expected
    assert rows_of(trainer.run_dir) == [(c.first_sequence, c.rows, c.stamps) for c in chunks]
    assert hashes_of(trainer.run_dir) == hashes_of(calm.run_dir)


def query(path: Path, text: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(text).fetchall()
    finally:
        connection.close()


def next_sequence(path: Path) -> int:
    return query(path, "SELECT next_sequence FROM spools")[0][0]


def rows_of(run_dir: Path) -> list[tuple]:
    path = run_dir / "trainer.db"
    return query(path, "SELECT first_sequence, rows, stamps FROM chunks ORDER BY chunk_id")


def hashes_of(run_dir: Path) -> list[tuple]:
    path = run_dir / "trainer.db"
    return query(path, "SELECT refit, train_rows, rows_sha256 FROM refits ORDER BY refit")


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
        assert "exit status 9" in status.error
        assert "cannot think" in status.error
        with pytest.raises(ServiceError) as caught:
            client.refit()
        assert caught.value.reason == "LEARNER_FAILED"
        assert not client.is_serving()
        sender(client).send(make_chunks(80))  # rows are safe all the same
        assert client.status().rows_stored == 80


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "seed was 0, is 1"),
        ({"rows_per_refit": 41}, "settings.rows_per_refit was 40, is 41"),
        ({"algorithm": "huge"}, "unknown algorithm 'huge'"),
        ({"task": "dclaw-juggle"}, "unknown task 'dclaw-juggle'"),
    ],
)
def test_another_configuration_is_refused_at_the_start(
    start_trainer, eventually, change, message
) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
    assert trainer.stop() == exit_codes.OK
    other = start_trainer(**change)
    assert other.process.wait(20) == exit_codes.START_UP
    assert message in other.log.read_text()


def test_a_second_trainer_in_the_same_directory_is_refused(start_trainer) -> None:
    first = start_trainer()
    first.address()
    second = start_trainer()
    assert second.process.wait(20) == exit_codes.START_UP
    assert f"process {first.process.pid}" in second.log.read_text()


def test_a_lost_checkpoint_and_a_foreign_database_are_refused(start_trainer, eventually) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
    trainer.stop()
    (trainer.run_dir / "checkpoint" / "learner.safetensors").unlink()
    other = start_trainer()
    assert other.process.wait(20) == exit_codes.START_UP
    assert "holds version 1" in other.log.read_text()
    (trainer.run_dir / "trainer.db").write_text("not a database at all " * 50)
    for suffix in ("-wal", "-shm"):
        (trainer.run_dir / f"trainer.db{suffix}").unlink(missing_ok=True)
    other = start_trainer()
    assert other.process.wait(20) == exit_codes.START_UP
    assert "not an SQLite database" in other.log.read_text()


def test_the_learner_is_nice_and_single_threaded(start_trainer, eventually) -> None:
    trainer = start_trainer()
    with trainer.client() as client:
        eventually(lambda: client.status().newest_version == 1)
    assert os.getpriority(os.PRIO_PROCESS, trainer.learner_pid()) == 10
    environment = Path(f"/proc/{trainer.learner_pid()}/environ").read_bytes()
    assert b"OMP_NUM_THREADS=1" in environment.split(b"\0")
