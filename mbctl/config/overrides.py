"""Single values on top of a configuration: MBCTL_* variables and --set a.b=c.

Values are laid in as the text that they are; `typed` reads them by the type of their field.
"""

import tomllib
from collections.abc import Sequence
from typing import Any

from mbctl.config.errors import ConfigError

Tree = dict[str, Any]


def apply_assignments(tree: Tree, assignments: Sequence[str]) -> Tree:
    """Apply `a.b=value` texts in order.

    Raises:
        ConfigError: a text has no '=' or an empty key.
    """
    for text in assignments:
        key, separator, value = text.partition("=")
        if not separator:
            raise ConfigError(f"--set {text!r}: expected key=value, such as seed=3")
        tree = assign(tree, key.strip().split("."), unquoted(value.strip()), f"--set {text}")
    return tree


def unquoted(text: str) -> str:
    """The text itself, also where it is written with TOML's quotes."""
    if text[:1] not in ("'", '"'):
        return text
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value = found["value"]
    return value if set(found) == {"value"} and isinstance(value, str) else text


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
