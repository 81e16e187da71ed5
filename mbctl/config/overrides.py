"""Single values on top of a configuration: MBCTL_* variables and --set a.b=c."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from mbctl.config.errors import ConfigError

Tree = dict[str, Any]


def apply_environment(tree: Tree, environment: Mapping[str, str], prefix: str) -> Tree:
    """Apply `<prefix>A__B=value` as a.b = value, in the order of the names."""
    for name in sorted(environment):
        if name.startswith(prefix):
            keys = name.removeprefix(prefix).lower().split("__")
            tree = assign(tree, keys, parse_value(environment[name]), name)
    return tree


def apply_assignments(tree: Tree, assignments: Sequence[str]) -> Tree:
    """Apply `a.b=value` texts in order.

    Raises:
        ConfigError: a text has no '=' or an empty key.
    """
    for text in assignments:
        key, separator, value = text.partition("=")
        if not separator:
            raise ConfigError(f"--set {text!r}: expected key=value, such as seed=3")
        tree = assign(tree, key.strip().split("."), parse_value(value.strip()), f"--set {text}")
    return tree


def parse_value(text: str) -> Any:
    """A TOML value where the text is one, otherwise the text itself."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return parsed["value"] if set(parsed) == {"value"} else text


def assign(tree: Tree, keys: list[str], value: Any, where: str) -> Tree:
    """A copy of the tree with a value at the end of a path of keys.

    Raises:
        ConfigError: a key is empty, or the path leads through a value; `where` is named.
    """
    if not all(keys):
        raise ConfigError(f"{where}: empty key; expected key=value, such as task.name=NAME")
    head, rest = keys[0], keys[1:]
    if not rest:
        return {**tree, head: value}
    below = tree.get(head, {})
    if not isinstance(below, dict):
        raise ConfigError(f"{where}: {head!r} holds the value {below!r}, not a table of keys")
    return {**tree, head: assign(below, rest, value, where)}
