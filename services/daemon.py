"""The life of a daemon: start, serve until a signal, drain in time, a meaningful exit code."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from hal.stop_signals import (
    StopRequests,
    hold_stop_signals,
    release_stop_signals,
    stop_signals,
)
from mbctl import exit_codes
from mbctl.data.private_files import UMASK
from mbctl.exit_codes import StartUpError
from services.descriptors import raise_descriptor_limit
from services.logs.configure import flush_logs

DRAIN_S = 5.0
LAST_WORDS_S = 0.5

log = structlog.get_logger()

Serve = Callable[[asyncio.Event], Awaitable[int]]


def run_until_signalled(serve: Serve, drain_s: float = DRAIN_S) -> int:
    """Run `serve(stop)` in an event loop and return its exit code.

    The first SIGTERM, SIGINT or SIGHUP sets `stop`; `serve` then has `drain_s` to return. A second
    one, or a drain that takes longer, ends the process at once: children notice that by themselves.
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
    finally:
        hold_stop_signals()  # one more is no reason to end in another way than this


async def _serve_with_signals(serve: Serve, drain_s: float) -> int:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_take_loop_error)
    stop, requests = asyncio.Event(), StopRequests()

    def on_signal(signum: signal.Signals) -> None:
        if not requests.take():
            return
        if requests.count > 1:  # a daemon that stops by itself is not cut short by the first signal
            _exit_now("second_signal", signum)
        stop.set()
        loop.call_later(drain_s, _exit_now, "drain_too_long", signum)
        log.info("stopping", signal=signum.name, drain_s=drain_s)

    for signum in stop_signals():
        loop.add_signal_handler(signum, on_signal, signum)
    # A line for a terminal that lets no background process write would stop the whole process.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    release_stop_signals()
    return await serve(stop)


def _exit_now(why: str, signum: signal.Signals) -> None:
    log.error("forced_exit", why=why)
    flush_logs(LAST_WORDS_S)
    os._exit(128 + signum)


def _take_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio found that no task waits for."""
    error = context.get("exception")
    log.error("event_loop_error", message=context["message"], exc_info=error)
