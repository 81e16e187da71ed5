"""Whatever else is printed becomes log events too: by libraries, in C++, by child processes.

Standard output and error lead into a pipe that a thread reads. Its write end does not block, so
whoever prints never waits, and what children inherit is no terminal that somebody may pause.
"""

import contextlib
import io
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

import structlog

from hal.stdio import hold_standard_descriptors
from services.logs.fields import TEXT_MAX

_PIPE_BYTES = 65_536
_LEVELS = {"debug", "info", "warning", "error", "critical"}

log = structlog.get_logger()


def capture_output() -> None:
    """Take descriptors 1 and 2, sys.stdout and sys.stderr over, for the rest of the process."""
    hold_standard_descriptors()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for descriptor in (1, 2):
        os.dup2(writer, descriptor, inheritable=True)
    os.close(writer)
    sys.stdout = sys.stderr = _LoggedText()
    threading.Thread(target=_read, args=(reader,), name="log-output", daemon=True).start()


def capture_reports() -> None:
    """Log what Python would report on stderr: uncaught exceptions, warnings, `logging`."""
    sys.excepthook = _take_exception
    threading.excepthook = lambda told: _take_exception(
        told.exc_type, told.exc_value, told.exc_traceback, thread=getattr(told.thread, "name", "?")
    )
    sys.unraisablehook = lambda told: _take_exception(
        told.exc_type, told.exc_value, told.exc_traceback, said=told.err_msg, by=repr(told.object)
    )
    logging.raiseExceptions = False
    logging.basicConfig(handlers=[_StandardLibrary()], level=logging.WARNING, force=True)
    warnings.showwarning = _take_warning


class Lines:
    """Puts pieces of text together to lines of at most TEXT_MAX characters."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = ""

    def feed(self, text: str) -> None:
        """Some more text."""
        *lines, rest = (self._rest + text).split("\n")
        self._rest = rest[:0] if len(rest) > TEXT_MAX else rest
        for line in [*lines, rest] if len(rest) > TEXT_MAX else lines:
            if line.strip():
                self._take(line)

    def end(self) -> None:
        """No more will come."""
        self.feed("\n")


class _LoggedText(io.TextIOBase):
    """Text that Python code prints; lines of different threads are kept apart."""

    encoding = "utf-8"  # pyright: ignore[reportAssignmentType]  # a plain value serves as well

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def write(self, text: str) -> int:
        lines: Lines | None = getattr(self._of_thread, "lines", None)
        if lines is None:
            lines = self._of_thread.lines = Lines(_take_line)
        lines.feed(text)
        return len(text)

    def writable(self) -> Literal[True]:
        return True

    def isatty(self) -> Literal[False]:
        return False


class _StandardLibrary(logging.Handler):
    """Passes records of `logging` on."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        say = getattr(log, level if level in _LEVELS else "error")
        try:
            text = record.getMessage()
        except Exception as error:  # noqa: BLE001 - arguments that do not fit the format
            text = f"{record.msg!r} with unfit arguments: {type(error).__name__}"
        say("library_said", logger=record.name, text=text, exc_info=record.exc_info or None)


def _read(reader: int) -> None:
    lines = Lines(_take_line)
    while data := os.read(reader, _PIPE_BYTES):
        lines.feed(data.decode(errors="replace"))
    lines.end()


def _take_line(line: str) -> None:
    log.info("output", text=line)


def _take_exception(
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
    **where: Any,
) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    exc_info = (kind, error if error is not None else kind(), trace)
    log.critical("uncaught_exception", exc_info=exc_info, **where)


def _take_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object
) -> None:
    with contextlib.suppress(Exception):
        log.warning(
            "python_warning", text=str(message), of=category.__name__, at=f"{filename}:{lineno}"
        )
