"""A quota that is used up is no room, and passes; a failing disk is neither."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mbctl.data.sqlite import StoreFullError, named_errors, write_refusal

PROGRAM = """
import os, pathlib, sys
from mbctl.data.sqlite import StoreError, connect, create_tables, named_errors, transaction
path, refuse, number = pathlib.Path(sys.argv[1]), pathlib.Path(os.environ["REFUSE"]), sys.argv[2]
connection = connect(path)
create_tables(connection, "CREATE TABLE IF NOT EXISTS rows (row BLOB) STRICT", lambda *_: None)
def store():
    try:
        with named_errors(path), transaction(connection):
            connection.execute("INSERT INTO rows VALUES (?)", (bytes(16000),))
    except StoreError as error:
        print(error.reason, error)
    else:
        print("stored")
store()
refuse.write_text(number)
store()
refuse.unlink()
store()
(count,) = connection.execute("SELECT count(*) FROM rows").fetchone()
print(count, *sorted(os.listdir(path.parent)))
"""


@pytest.fixture(scope="module")
def refusing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("builds its disk with a C compiler")
    source = Path(__file__).with_name("refusing_disk.c")
    library = tmp_path_factory.mktemp("disk") / "refusing_disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EDQUOT, "STORE_FULL no room to write database {}: Disk quota exceeded"),
        (errno.ENOSPC, "STORE_FULL no room to write database {}: "),
        (errno.EIO, "STORE_FAILED database {} failed: disk I/O error: Input/output error"),
        (errno.EROFS, "STORE_FAILED database {} failed: disk I/O error: Read-only file system"),
    ],
)
def test_a_refused_write_is_told_as_what_it_is(
    refusing_disk: Path, tmp_path: Path, number: int, said: str
):
    folder = tmp_path / "disk"
    folder.mkdir()
    environment = {
        "LD_PRELOAD": str(refusing_disk), "FOLDER": str(folder), "REFUSE": str(tmp_path / "refuse")
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, str(folder / "a.db"), str(number)],
        env=os.environ | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, second, third, last = done.stdout.splitlines()
    assert (first, third) == ("stored", "stored")
    assert second.startswith(said.format(folder / "a.db"))
    assert last == "2 a.db a.db-shm a.db-wal"


def test_where_there_is_room_nothing_is_refused(tmp_path: Path):
    assert write_refusal(tmp_path / "a.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_probe_is_written_through_nobody_s_link(tmp_path: Path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "a.db.probe").symlink_to(precious)
    refused = write_refusal(tmp_path / "a.db")
    assert refused is not None
    assert refused.errno == errno.ELOOP
    assert precious.read_text() == "kept"


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMOPEN,
    ],
)
def test_no_room_for_whatever_file_of_a_database_is_no_room(tmp_path: Path, monkeypatch, code: int):
    """A database opened on a full disk first misses the room for its index of the log."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("mbctl.data.sqlite.write_refusal", lambda _: full)
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = code
    with (
        pytest.raises(StoreFullError, match=r"no room .*: No space left"),
        named_errors(tmp_path / "a.db"),
    ):
        raise failed
