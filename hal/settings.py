"""What settings classes share: frozen dataclasses in which each field states its range.

    @dataclass(frozen=True, slots=True)
    class Settings:
        watchdog_s: Annotated[float, Interval(ge=0.02, le=2.54)] = 0.1

        def __post_init__(self) -> None:
            check_ranges(self)

The end of a field's name is its unit. Such a class may stand in a configuration: the annotations
are the ones that pydantic reads, too, so range and default are stated once.
"""

import types
import typing
from dataclasses import fields
from math import isfinite
from typing import Any

from annotated_types import Interval


def check_ranges(settings: Any) -> None:
    """Make sure that each field of a dataclass is what its annotation allows.

    Looked at are intervals and choices (`Literal`), and that numbers are finite.

    Raises:
        ValueError: names the field, its value and what is expected.
    """
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value is not None and (expected := _refusal(value, field.type)):
            raise ValueError(f"{field.name} is {value!r}, expected {expected}")


def _refusal(value: Any, annotation: object) -> str:
    """What is expected in place of `value`; empty where it is right."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return next((text for part in arguments if (text := _refusal(value, part))), "")
    if origin is typing.Literal:
        return "" if value in arguments else f"one of: {', '.join(map(repr, arguments))}"
    if origin is typing.Annotated:
        intervals = [part for part in arguments[1:] if isinstance(part, Interval)]
        wrong = [part for part in intervals if not _is_inside(value, part)]
        return _words(wrong[0]) if wrong else _refusal(value, arguments[0])
    is_number = isinstance(value, int | float) and (annotation is int or annotation is float)
    return "a finite number" if is_number and not isfinite(value) else ""


def _is_inside(value: Any, interval: Interval) -> bool:
    low = interval.gt if interval.ge is None else interval.ge
    high = interval.lt if interval.le is None else interval.le
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        return False  # NaN is inside of nothing
    return value not in (interval.gt, interval.lt)


def _words(interval: Interval) -> str:
    if interval.ge is not None and interval.le is not None:
        return f"{interval.ge} to {interval.le}"
    bounds = {
        "more than": interval.gt,
        "at least": interval.ge,
        "less than": interval.lt,
        "at most": interval.le,
    }
    return ", ".join(f"{text} {bound}" for text, bound in bounds.items() if bound is not None)
