"""Shortages that pass."""

import asyncio
import errno
import random
import sqlite3

import pytest

from services.backoff import Backoff
from services.transient import TRANSIENT_ERRNOS, is_transient, through_shortages


@pytest.mark.parametrize(
    "error",
    [
        *(OSError(number, "short") for number in sorted(TRANSIENT_ERRNOS)),
        MemoryError(),
        RuntimeError("can't start new thread"),
    ],
)
def test_shortages_are_transient(error):
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EACCES, "no"),
        OSError(errno.EIO, "no"),
        FileNotFoundError(errno.ENOENT, "no"),
        RuntimeError("another"),
        sqlite3.OperationalError("disk I/O error"),
    ],
)
def test_other_errors_are_not(error):
    assert not is_transient(error)


def _run(errors):
    left = list(errors)

    async def work():
        if left:
            raise left.pop(0)

    backoff = Backoff(random.Random(0), first_s=0.001, max_s=0.002)
    asyncio.run(through_shortages(work, backoff))
    return left


def test_work_is_begun_anew_after_each_shortage():
    short = OSError(errno.EMFILE, "too many open files")
    assert _run([short, MemoryError(), RuntimeError("can't start new thread")]) == []


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), RuntimeError("a bug")])
def test_any_other_end_is_an_end(error):
    with pytest.raises(type(error)):
        _run([OSError(errno.EMFILE, "short"), error, OSError(errno.EMFILE, "short")])
