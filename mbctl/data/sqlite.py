"""How a database file is opened, recognised and created, and what its failures are called.

SQLite in WAL mode with synchronous=FULL: a commit returns after the log is on the disk, so whoever
hears of a commit may rely on it. The application id keeps a foreign file from being written to.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from hal.errors import ReasonedError

APPLICATION_ID = 0x6D626374  # "mbct"
SCHEMA_VERSION = 2
OLDEST_VERSION = 1  # that is brought to the present one when it is opened for writing
BUSY_TIMEOUT_MS = 5_000
_STEPS_PER_LOOK = 100_000  # of SQLite's machine, some milliseconds
CHECKED_AT_ONCE_BYTES = 64 << 20  # what can be read through without a start being late
_VALUE_CODES = (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)

_WRITE_CODES = (
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,  # of the index of its log, made when it is opened
    sqlite3.SQLITE_IOERR_SHMOPEN,
)
_PROBE_BYTES = 256 << 10


class StoreError(ReasonedError, RuntimeError):
    """A database that cannot be used as asked."""

    reason = "STORE_FAILED"


class StoreForeignError(StoreError):
    """The file is no database of ours, or of another version."""

    reason = "STORE_FOREIGN"


class StoreCorruptError(StoreError):
    """The file's contents contradict themselves."""

    reason = "STORE_CORRUPT"


class StoreAbsentError(StoreError):
    """There is no file where one must be."""

    reason = "STORE_ABSENT"


class StoreFullError(StoreError):
    """No room: the disk is full or the quota is used up. Nothing of the transaction was stored."""

    reason = "STORE_FULL"


class StoreValueError(StoreError):
    """A value that its column cannot hold. Nothing of the transaction was stored."""

    reason = "VALUE_UNSTORABLE"


class StoreDisplacedError(StoreError):
    """The file was removed or replaced while it was open: what is written now nobody will find."""

    reason = "STORE_DISPLACED"


class StoreBusyError(StoreError):
    """Another program keeps the database locked. Nothing of the transaction was stored."""

    reason = "STORE_BUSY"


class StoreShortError(StoreBusyError):
    """The system has no descriptor or memory left just now. Nothing of it all was stored."""

    reason = "STORE_SHORT"


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open `path` in autocommit; the caller begins its own transactions.

    Raises:
        StoreAbsentError: `read_only` and no such file, or its directory is missing.
    """
    if read_only and not path.is_file():
        raise StoreAbsentError(f"database {path} does not exist; start the daemon that writes it")
    if not path.parent.is_dir():
        raise StoreAbsentError(f"directory {path.parent} of database {path} does not exist")
    uri = f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        with named_errors(path):
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            check_identity(connection, path)
            if not read_only:
                _prepare_for_writing(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def check_identity(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is neither empty nor ours.

    Raises:
        StoreForeignError: says what the file is instead.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application == APPLICATION_ID and not OLDEST_VERSION <= version <= SCHEMA_VERSION:
        raise StoreForeignError(
            f"database {path} has schema version {version}, this program reads {OLDEST_VERSION} "
            f"to {SCHEMA_VERSION}: use the program that wrote it, or another run directory"
        )
    if application != APPLICATION_ID and tables > 0:
        raise StoreForeignError(
            f"{path} is a database of another program (application id {application:#x}, "
            f"expected {APPLICATION_ID:#x}); choose another run directory"
        )


def _prepare_for_writing(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StoreError(f"database {path} refuses write-ahead logging (journal mode {mode!r})")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    if path.stat().st_size <= CHECKED_AT_ONCE_BYTES:
        _quick_check(connection, path)


def check_contents(path: Path, is_cancelled: Callable[[], bool] = lambda: False) -> None:
    """Read the whole database, two seconds a gigabyte, beside whoever writes to it.

    Args:
        is_cancelled: ends it early, without a verdict.

    Raises:
        StoreCorruptError: its pages contradict each other.
        StoreError: it cannot be read.
    """
    with contextlib.closing(connect(path, read_only=True)) as connection, named_errors(path):
        connection.set_progress_handler(is_cancelled, _STEPS_PER_LOOK)
        try:
            _quick_check(connection, path)
        except sqlite3.OperationalError:
            if not is_cancelled():
                raise


def _quick_check(connection: sqlite3.Connection, path: Path) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreCorruptError(f"database {path} is corrupt: {verdict}")


def create_tables(
    connection: sqlite3.Connection,
    statements: str,
    upgrade: Callable[[sqlite3.Connection, int], None],
) -> None:
    """Run `CREATE ... IF NOT EXISTS` statements and mark the file as ours, in one transaction.

    Args:
        upgrade: called with the schema version of an older file, once all tables are there.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    is_ours = application == APPLICATION_ID
    with transaction(connection):
        for statement in filter(str.strip, statements.split(";")):
            connection.execute(statement)
        if is_ours and version < SCHEMA_VERSION:
            upgrade(connection, version)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


class OpenFile:
    """Which file a path named when it was opened, and whether it still does.

    SQLite goes on writing into a file that was renamed, removed or replaced, without an error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._opened = _identity(path)
        self._opened_log: tuple[int, int] | None = None

    def check(self) -> None:
        """Hold the file and its write-ahead log against what was opened.

        Raises:
            StoreDisplacedError: another file is there, or none.
        """
        if self._opened_log is None:
            self._opened_log = _identity(self._log)  # SQLite makes it with the first transaction
        for path, opened in ((self._path, self._opened), (self._log, self._opened_log)):
            if opened is not None and (found := _identity(path)) != opened:
                what = "removed" if found is None else "replaced by another file"
                raise StoreDisplacedError(
                    f"{path} was {what} while database {self._path} was open; what is written now "
                    "would be lost: put the file back and start again"
                )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:  # whatever the reason, nobody finds the file there
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """BEGIN IMMEDIATE ... COMMIT; everything or nothing. COMMIT returns once it is durable."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself after some failures
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into StoreError's tree.

    Raises:
        StoreError: its subclass by SQLite's error code.
    """
    try:
        yield
    except (OverflowError, UnicodeError) as error:  # Python's side of binding a value
        raise StoreValueError(f"database {path} cannot hold a value: {error}") from error
    except sqlite3.DatabaseError as error:
        extended = getattr(error, "sqlite_errorcode", 0)
        code = extended & 0xFF
        if code in _VALUE_CODES or isinstance(error, sqlite3.DataError):
            raise StoreValueError(f"database {path} cannot hold a value: {error}") from error
        if code == sqlite3.SQLITE_FULL:
            raise StoreFullError(f"no room to write database {path}: {error}") from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreBusyError(f"another program keeps database {path} locked") from error
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM):
            raise StoreShortError(
                f"the files of database {path} cannot be opened now: {error}; "
                "the system is short of descriptors or memory, or they are not ours to open"
            ) from error
        if code == sqlite3.SQLITE_NOTADB:
            raise StoreForeignError(f"{path} is not an SQLite database") from error
        if code == sqlite3.SQLITE_CORRUPT:
            raise StoreCorruptError(f"database {path} is corrupt: {error}") from error
        refused = write_refusal(path) if extended in _WRITE_CODES else None
        if refused is not None and refused.errno in (errno.EDQUOT, errno.ENOSPC):
            raise StoreFullError(f"no room to write database {path}: {refused.strerror}") from error
        why = f"{error}: {refused.strerror}" if refused is not None else str(error)
        raise StoreError(f"database {path} failed: {why}") from error


def write_refusal(path: Path) -> OSError | None:
    """Why nothing can be written beside `path`; None where it can.

    SQLite calls a quota that is used up, a failing disk and a file system that has become read-only
    all the same, a failed write, and keeps the system's reason to itself.
    """
    probe = path.with_name(f"{path.name}.probe")
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, bytes(_PROBE_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink(missing_ok=True)
    except OSError as error:
        return error
    return None
