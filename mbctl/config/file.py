"""Reading the file of a configuration, whatever it turns out to be."""

import codecs
import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from mbctl.config.errors import ConfigError

Tree = dict[str, Any]
FILE_BYTES_MAX = 1 << 20
# Longer marks first: that of UTF-32 begins with that of UTF-16.
_OTHER_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_KINDS = (
    (stat.S_ISDIR, "is a directory"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)


def read_tree(path: Path) -> Tree:
    """The table in a TOML or JSON file.

    Raises:
        ConfigError: it is absent, not a file, too large, not UTF-8, or does not parse.
    """
    text = _decoded(_content(path), path)
    try:
        tree = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: does not parse: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: holds a {type(tree).__name__}, expected a table of keys")
    return tree


def _content(path: Path) -> bytes:
    try:
        # A pipe that nobody writes to would be waited for at opening.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            _check_kind(os.fstat(descriptor).st_mode, path)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(FILE_BYTES_MAX + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: cannot be read: {_why(error)}") from error
    if len(content) > FILE_BYTES_MAX:
        raise ConfigError(f"{path}: larger than {FILE_BYTES_MAX} bytes, not a configuration")
    return content


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _check_kind(mode: int, path: Path) -> None:
    for is_kind, told in _KINDS:
        if is_kind(mode):
            raise ConfigError(f"{path}: {told}, expected a file in TOML or JSON")


def _decoded(content: bytes, path: Path) -> str:
    """UTF-8, with or without a mark, as TOML and JSON ask for."""
    for mark, name in _OTHER_MARKS:
        if content.startswith(mark):
            raise ConfigError(f"{path}: does not parse: it is in {name}; save it as UTF-8")
    if b"\0" in content:
        raise ConfigError(
            f"{path}: does not parse: it holds NUL bytes, as UTF-16 has them; save it as UTF-8"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}: does not parse: line {line} is not UTF-8 (byte {content[error.start]:#04x}); "
            "save it as UTF-8"
        ) from error
