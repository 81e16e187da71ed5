"""An event as a line: JSON for programs, aligned text for people. Both keep within their line."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from services.logs.fields import Scalar, escape

Render = Callable[[Mapping[str, Scalar]], bytes]

_TRACE = "exception"


def as_json(event: Mapping[str, Scalar]) -> bytes:
    """One object on one line, all in printable ASCII."""
    text = json.dumps(dict(event), allow_nan=False)
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def as_text(colors: bool) -> Render:
    """A renderer for people; a traceback follows, indented."""
    console = structlog.dev.ConsoleRenderer(colors=colors)

    def render(event: Mapping[str, Scalar]) -> bytes:
        shown: dict[str, Any] = {
            key: escape(value) if isinstance(value, str) else value
            for key, value in event.items()
            if key != _TRACE
        }
        trace = str(event.get(_TRACE, "")).splitlines()
        lines = [str(console(None, "", shown)), *(f"    {escape(line)}" for line in trace)]
        return "\n".join(lines).encode(errors="backslashreplace") + b"\n"

    return render
