"""Shortages of the system that pass: no free descriptor, memory, thread or buffer just now.

Whoever meets one in the middle of its work tries again later; it is no reason to end a daemon.
"""

import errno
from collections.abc import Awaitable, Callable

import structlog

from services.backoff import Backoff

TRANSIENT_ERRNOS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EINTR,
        errno.ENOBUFS,
    }
)
_NO_THREAD = "can't start new thread"  # all that Python says of an EAGAIN there

log = structlog.get_logger()


def is_transient(error: BaseException) -> bool:
    """Whether the same may succeed a moment later."""
    if isinstance(error, OSError):
        return error.errno in TRANSIENT_ERRNOS
    return isinstance(error, MemoryError) or _NO_THREAD in str(error)


async def through_shortages(work: Callable[[], Awaitable[None]], backoff: Backoff) -> None:
    """Run `work` until it returns; begin it anew, with growing pauses, when a shortage ended it."""
    while True:
        try:
            await work()
        except (OSError, MemoryError, RuntimeError) as error:
            if not is_transient(error):
                raise
            log.warning("resources_short", error=str(error))
        else:
            return
        await backoff.wait()
