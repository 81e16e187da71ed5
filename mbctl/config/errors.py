"""Configuration errors that name the key, its value, and what would have been right."""

import datetime
import difflib
import types
import typing
from collections.abc import Iterable

from pydantic import BaseModel, ValidationError


class ConfigError(ValueError):
    """The configuration cannot be used. The message names source, key, value and remedy."""

    reason = "CONFIG_INVALID"


def from_validation(
    error: ValidationError, model: type[BaseModel], where: str, prefix: tuple[str, ...] = ()
) -> ConfigError:
    """Rewrite pydantic's report; `prefix` is where `model` sits in the tree the user wrote."""
    lines = [_describe(dict(e), model, prefix) for e in error.errors(include_url=False)]
    return ConfigError(f"{where}: " + "; ".join(lines))


def nearest(word: str, valid: Iterable[str]) -> str:
    """A clause that leads from a misspelt word to a valid one."""
    names = sorted(valid)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    listed = ", ".join(names) if names else "none"
    return (f"did you mean {close[0]!r}? " if close else "") + f"valid: {listed}"


def _describe(error: dict[str, typing.Any], model: type[BaseModel], prefix: tuple[str, ...]) -> str:
    location = tuple(str(part) for part in error["loc"])
    key = ".".join((*prefix, *location))
    if error["type"] == "extra_forbidden":
        valid = fields_at(model, location[:-1])
        return f"unknown key {key!r}; {nearest(location[-1], valid)}"
    if error["type"] == "missing":
        return f"missing key {key!r}"
    message = error["msg"].removeprefix("Value error, ")
    if not key:
        return message
    if isinstance(error["input"], dict):  # of several keys at once; the message names them
        return f"{key}: {message}"
    if error["type"] in ("string_type", "path_type"):
        return f"{key} = {_as_written(error['input'])}: text is expected; put it in quotes"
    return f"{key} = {error['input']!r}: {message}"


def _as_written(value: object) -> str:
    """A value of a file, near to how it stands there."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else repr(value)


def fields_at(model: type[BaseModel], location: tuple[str, ...]) -> list[str]:
    """Names of the keys in the table at `location`; none where there is no table."""
    current = model
    for part in location:
        field = current.model_fields.get(part)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return []
        current = inner
    return list(current.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    candidates = [annotation]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        candidates = list(typing.get_args(annotation))
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
