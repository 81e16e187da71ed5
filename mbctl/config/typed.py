"""What every table of a configuration is: frozen, strict, and read by the types of its fields.

Text from --set, a variable or a file is read alike: `robot.name=1_0` stays the text that it is,
`seed=1e3` is a whole number, and `period_s=null` is none.
"""

import json
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from mbctl.config.errors import keys_of

_STRUCTURES = (dict, list, tuple)


class Frozen(BaseModel):
    """A tree that cannot be changed, in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def typed(value: Any, annotation: Any) -> Any:
    """`value` with every text in it read as what `annotation` asks for there.

    What cannot be read so stays as it is: validation then names it. So does what may be anything,
    such as an algorithm's settings before the algorithm is known.
    """
    kinds = _kinds(annotation)
    if isinstance(value, str):
        return _read(value, kinds, annotation)
    if isinstance(value, dict):
        return {key: typed(inner, _at(kinds, key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [typed(inner, _element(kinds, index)) for index, inner in enumerate(value)]
    if isinstance(value, bool) and {int, float} & set(kinds) and bool not in kinds:
        return str(value).lower()  # true is no 1
    return value


def structure(text: str) -> Any:
    """A TOML value, or a JSON value, where `text` is one; otherwise the text itself."""
    try:
        found = tomllib.loads(f"value = {text}")
        return found["value"] if set(found) == {"value"} else text
    except (tomllib.TOMLDecodeError, RecursionError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _read(text: str, kinds: tuple[Any, ...], annotation: Any) -> Any:
    if types.NoneType in kinds and (text == "null" or (not text and str not in kinds)):
        return None
    if {str, Path} & set(kinds):
        return text
    if {int, float} & set(kinds):
        return _number(text, kinds)
    if bool in kinds:
        return text  # validation knows yes, off and their like
    if Any in kinds:
        return text  # whoever knows the type reads it later
    found = structure(text)
    return typed(found, annotation) if isinstance(found, _STRUCTURES) else text


def _number(text: str, kinds: tuple[Any, ...]) -> Any:
    found = structure(text)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return text
    is_whole = isinstance(found, float) and found.is_integer()
    return int(found) if is_whole and float not in kinds else found


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The plain types that a field takes."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _kinds(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return tuple(kind for argument in arguments for kind in _kinds(argument))
    if origin is typing.Literal:
        return tuple(type(argument) for argument in arguments)
    return (annotation,)


def _at(kinds: tuple[Any, ...], key: str) -> Any:
    for kind in kinds:
        if keys_of(kind):
            return _key(kind, key) or Any
        if typing.get_origin(kind) is dict:
            return typing.get_args(kind)[1]
    return Any


def _key(kind: type, key: str) -> Any:
    """What a key takes in `kind`, or in a class below it that another key of the table chooses;
    None where neither has it."""
    found = keys_of(kind).get(key)
    below = (_key(other, key) for other in kind.__subclasses__())
    return found or next((annotation for annotation in below if annotation is not None), None)


def _element(kinds: tuple[Any, ...], index: int) -> Any:
    for kind in kinds:
        arguments = typing.get_args(kind)
        if typing.get_origin(kind) is list or arguments[1:] == (...,):
            return arguments[0]
        if typing.get_origin(kind) is tuple and index < len(arguments):
            return arguments[index]
    return Any
