"""The life of a daemon: start, serve until a signal, drain in time, a meaningful exit code."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import structlog

from services import exit_codes
from services.descriptors import raise_descriptor_limit
from services.private_files import UMASK

DRAIN_S = 5.0

log = structlog.get_logger()

Serve = Callable[[asyncio.Event], Awaitable[int]]


class StartUpError(Exception):
    """The daemon cannot start; its message says what would be right."""


def run_until_signalled(serve: Serve, drain_s: float = DRAIN_S) -> int:
    """Run `serve(stop)` in an event loop and return its exit code.

    The first SIGTERM or SIGINT sets `stop`; `serve` then has `drain_s` to return. A second signal,
    or a drain that takes longer, ends the process at once: children notice that by themselves.
    """
    raise_descriptor_limit()
    os.umask(UMASK)
    try:
        return asyncio.run(_serve_with_signals(serve, drain_s))
    except StartUpError as error:
        log.error("start_up_failed", message=str(error))
        return exit_codes.START_UP
    except Exception:  # outermost frame of the daemon
        log.exception("daemon_failed")
        return exit_codes.FAULT


async def _serve_with_signals(serve: Serve, drain_s: float) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    is_signalled = False

    def on_signal(signum: signal.Signals) -> None:
        nonlocal is_signalled
        if is_signalled:  # a daemon that stops by itself is not cut short by the first signal
            _exit_now("second_signal", signum)
        is_signalled = True
        log.info("stopping", signal=signum.name, drain_s=drain_s)
        stop.set()
        loop.call_later(drain_s, _exit_now, "drain_too_long", signum)

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, on_signal, signum)
    return await serve(stop)


def _exit_now(why: str, signum: signal.Signals) -> None:
    log.error("forced_exit", why=why)
    os._exit(128 + signum)
