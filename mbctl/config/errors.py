"""Configuration errors that name the key, its value, and what would have been right."""

import dataclasses
import datetime
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from hal.errors import ReasonedError
from hal.registry import meant


class ConfigError(ReasonedError, ValueError):
    """The configuration cannot be used. The message names source, key, value and remedy."""

    reason = "CONFIG_INVALID"


def from_validation(
    error: ValidationError, model: type[BaseModel], where: str, prefix: tuple[str, ...] = ()
) -> ConfigError:
    """Rewrite pydantic's report; `prefix` is where `model` sits in the tree the user wrote."""
    lines = [_describe(dict(e), model, prefix) for e in error.errors(include_url=False)]
    return ConfigError(f"{where}: " + "; ".join(lines))


def _describe(error: dict[str, Any], model: type[BaseModel], prefix: tuple[str, ...]) -> str:
    location = tuple(str(part) for part in error["loc"])
    key = ".".join((*prefix, *location))
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        valid = fields_at(model, location[:-1])
        return f"unknown key {key!r}; {meant(location[-1], sorted(valid), show_all=True)}"
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
    keys = keys_of(model)
    for part in location:
        keys = next((keys_of(table) for table in tables_in(keys.get(part))), {})
    return list(keys)


def tables_in(annotation: object) -> Iterator[type]:
    """The classes of tables that a key may hold."""
    if keys_of(annotation):
        yield annotation  # pyright: ignore[reportReturnType]  # only classes have keys
    for argument in typing.get_args(annotation):
        yield from tables_in(argument)


def keys_of(table: object) -> dict[str, Any]:
    """The annotation of each key of a table's class, a model or a dataclass; none of all else."""
    if not isinstance(table, type):
        return {}
    if issubclass(table, BaseModel):
        return {key: field.annotation for key, field in table.model_fields.items()}
    fields = dataclasses.fields(table) if dataclasses.is_dataclass(table) else ()
    return {field.name: field.type for field in fields}
