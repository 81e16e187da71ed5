"""Sets the logs of this process up, once, and lets them end."""

import atexit
import logging
import os
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, NoReturn

import structlog

from hal.stdio import hold_standard_descriptors
from services.logs.fields import copy_fields
from services.logs.render import as_json, as_text
from services.logs.sinks import FileSink, StreamSink
from services.logs.writer import LogWriter

_STDERR = 2
_writers: list[LogWriter] = []  # of this process; the last one is in use


def configure_logging(service: str, level: str = "info", log_file: Path | None = None) -> None:
    """Log to stderr: readable on a terminal, one JSON object a line anywhere else.

    A log call copies its fields and returns, whatever has become of the stream.

    Args:
        log_file: in place of stderr; it is rotated by size.

    Raises:
        OSError: the file cannot be opened.
    """
    hold_standard_descriptors()
    writer = _build_writer(service, log_file)
    _writers.append(writer)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _Enqueue(writer),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    atexit.register(writer.flush)


def flush_logs(limit_s: float) -> None:
    """Before an end that runs no exit handlers: wait a moment for what is in the queue."""
    for writer in _writers[-1:]:
        writer.flush(limit_s=limit_s)


def _build_writer(service: str, log_file: Path | None) -> LogWriter:
    common = {"service": service}
    if log_file is not None:
        return LogWriter(FileSink(log_file), as_json, common)
    is_terminal = os.isatty(_STDERR)
    render = as_text(colors="NO_COLOR" not in os.environ) if is_terminal else as_json
    return LogWriter(StreamSink(_STDERR), render, common)


class _Enqueue:
    """The last processor: gives a copy of the event to the writer."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> NoReturn:
        if exc_info := event.pop("exc_info", None):
            event["exception"] = _trace(exc_info)
        self._writer.put(copy_fields(event))
        raise structlog.DropEvent


def _trace(exc_info: Any) -> str:
    """The traceback of an exception, of sys.exc_info() or of what is being handled."""
    try:
        if isinstance(exc_info, BaseException):
            return "".join(traceback.format_exception(exc_info))
        if isinstance(exc_info, tuple):
            return "".join(traceback.format_exception(*exc_info))
        return traceback.format_exc()
    except Exception as error:  # noqa: BLE001 - a log line is no reason to fail
        return f"<traceback that cannot be told: {type(error).__name__}>"
