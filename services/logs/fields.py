"""What of an event is kept: scalars of bounded length, copied in the caller."""

import math
import reprlib
from collections.abc import Mapping
from typing import Any

Scalar = str | int | float | bool | None

TEXT_MAX = 4000
FIELDS_MAX = 32
_INT_MAX = 2**63

_short = reprlib.Repr()
_short.maxother = _short.maxstring = 400
_short.maxdict = _short.maxlist = _short.maxtuple = _short.maxset = 20


def copy_fields(event: Mapping[str, Any]) -> dict[str, Scalar]:
    """Copies of the first FIELDS_MAX fields, which nobody changes any more. Never raises."""
    return {str(key): copy_value(event[key]) for key in list(event)[:FIELDS_MAX]}


def copy_value(value: Any) -> Scalar:
    """The value itself where it is a small scalar, else a text that tells of it. Never raises."""
    if value is None or isinstance(value, bool):
        return value
    if type(value) is int and abs(value) < _INT_MAX:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else str(value)
    return shorten(value if type(value) is str else _told(value))


def shorten(text: str) -> str:
    """Beginning and end of a text longer than TEXT_MAX."""
    if len(text) <= TEXT_MAX:
        return text
    half = TEXT_MAX // 2
    return f"{text[:half]} ... {len(text) - TEXT_MAX} characters ... {text[-half:]}"


def escape(text: str) -> str:
    """The text without anything that a terminal would obey or that would begin a line."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in text
    )


def _told(value: Any) -> str:
    try:
        if isinstance(value, bytes | bytearray | list | tuple | dict | set | frozenset):
            return _short.repr(value)
        return str.__str__(str(value))
    except Exception as error:  # noqa: BLE001 - a log line is no reason to fail
        return f"<{type(value).__name__} that cannot be told: {type(error).__name__}>"
