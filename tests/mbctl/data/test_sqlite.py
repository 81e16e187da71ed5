"""What failures of a database file are called."""

import contextlib
import resource
from pathlib import Path

import pytest

from mbctl.data import sqlite
from mbctl.data.sqlite import (
    StoreBusyError,
    StoreCorruptError,
    StoreShortError,
    check_contents,
    connect,
    transaction,
)


@pytest.fixture
def no_descriptor():
    """Opening anything fails with EMFILE."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}
    lowest_free = min(set(range(len(taken) + 1)) - taken)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_no_descriptor_is_a_state_that_passes(tmp_path, no_descriptor):
    with pytest.raises(StoreShortError, match="descriptors") as caught:
        connect(tmp_path / "rows.db")
    assert isinstance(caught.value, StoreBusyError)  # whoever waits for a lock waits for this, too


@pytest.fixture
def damaged(tmp_path):
    """A database of 200 pages, one of which in the middle is not what it was."""
    path = tmp_path / "rows.db"
    with contextlib.closing(connect(path)) as connection, transaction(connection):
        connection.execute(f"PRAGMA application_id={sqlite.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={sqlite.SCHEMA_VERSION}")
        connection.execute("CREATE TABLE chunks (number INTEGER PRIMARY KEY, rows TEXT)")
        rows = [(number, "x" * 500) for number in range(1500)]
        connection.executemany("INSERT INTO chunks VALUES (?, ?)", rows)
    with path.open("r+b") as file:
        file.seek(100 * 4096)
        file.write(b"\xff" * 4096)
    return path


def test_damage_in_a_small_file_is_found_when_it_is_opened(damaged):
    with pytest.raises(StoreCorruptError, match=r"rows\.db is corrupt"):
        connect(damaged)


def test_a_large_file_is_opened_at_once_and_read_through_later(damaged, monkeypatch):
    monkeypatch.setattr(sqlite, "CHECKED_AT_ONCE_BYTES", 0)
    connect(damaged).close()
    with pytest.raises(StoreCorruptError, match=r"rows\.db is corrupt"):
        check_contents(damaged)


def test_reading_it_through_can_be_cut_short(damaged, monkeypatch):
    monkeypatch.setattr(sqlite, "CHECKED_AT_ONCE_BYTES", 0)
    monkeypatch.setattr(sqlite, "_STEPS_PER_LOOK", 1)
    looks = []
    check_contents(damaged, lambda: looks.append(1) or True)
    assert looks
    with pytest.raises(StoreCorruptError):
        check_contents(damaged, lambda: False)


def test_a_sound_file_is_read_through_beside_its_writer(tmp_path):
    with contextlib.closing(connect(tmp_path / "rows.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE chunks (rows TEXT)")
        check_contents(tmp_path / "rows.db")
        assert connection.in_transaction
        connection.execute("COMMIT")
