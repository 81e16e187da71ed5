"""The one place that prints: results to stdout, everything said about them to stderr."""

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def result(plain: Any, human: str, as_json: bool) -> None:
    """Print a command's result: one JSON line, or text for people."""
    _write(sys.stdout, json.dumps(_finite(plain), allow_nan=False) if as_json else human)


def note(text: str) -> None:
    """Say something about what goes on."""
    _write(sys.stderr, text)


def failure(code: str, reason: str, message: str, as_json: bool, **answered_by: str) -> None:
    """Say why a command failed, and whose answer that is where one came; with --json also as the
    last line of stdout."""
    by = f"{whose(answered_by)}: " if _name(answered_by) else ""
    note(f"error: {by}{message}" + (f" [{reason}]" if reason else ""))
    if as_json:
        error = {"code": code, "reason": reason, "message": message}
        _write(sys.stdout, json.dumps({"error": error, **answered_by}))


def whose(answered_by: Mapping[str, str]) -> str:
    """Who answered: "left at 127.0.0.1:50051"; the address alone where it gave no name."""
    name, target = _name(answered_by), answered_by.get("target", "")
    return " at ".join(part for part in (name, target) if part)


def _name(answered_by: Mapping[str, str]) -> str:
    return next((value for key, value in answered_by.items() if key != "target" and value), "")


def console() -> "Console":
    """The terminal for live views: stderr, so that stdout stays for results."""
    from rich.console import Console

    return Console(stderr=True)


def can_draw() -> bool:
    """Whether stderr is a terminal that can move its cursor."""
    term = os.environ.get("TERM", "")
    return sys.stderr.isatty() and term not in ("", "dumb", "unknown")


def percent(fraction: float) -> str:
    """A rate as people read it everywhere, such as 35%. Rounding makes no 0% or 100%."""
    is_between = 0 < fraction < 1
    return f"{min(max(fraction, 0.01), 0.99) if is_between else fraction:.0%}"


def measured(metric: str, value: float) -> str:
    """A value of "success" or "return" as people read it."""
    return percent(value) if metric == "success" else cell(value)


def key_values(pairs: Iterable[tuple[str, object]]) -> str:
    """Lines of aligned keys and values."""
    shown = [(key, cell(value)) for key, value in pairs]
    width = max((len(key) for key, _ in shown), default=0)
    return "\n".join(f"{key:<{width}}  {value}" for key, value in shown)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned columns under headings; numbers to the right."""
    cells = [[cell(value) for value in row] for row in rows]
    numeric = [all(_is_number(row[i]) for row in cells) for i in range(len(headings))]
    widths = [max(len(r[i]) for r in [list(headings), *cells]) for i in range(len(headings))]
    lines = [
        "  ".join(
            c.rjust(w) if n else c.ljust(w) for c, w, n in zip(r, widths, numeric, strict=True)
        )
        for r in [list(headings), *cells]
    ]
    return "\n".join(line.rstrip() for line in lines)


def cell(value: object) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _write(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()


def _finite(plain: Any) -> Any:
    """JSON knows no NaN and no infinity: null stands for them."""
    if isinstance(plain, dict):
        return {key: _finite(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_finite(value) for value in plain]
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _is_number(text: str) -> bool:
    try:
        float(text.removesuffix("%"))
    except ValueError:
        return False
    return True
