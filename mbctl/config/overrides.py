"""Values on top of a configuration's file: MBCTL_CONTROLLER_* and MBCTL_TRAINER_* variables, and
--set a.b=c.

They are laid in as the text that they are; `typed` reads them by the type of their field.

A variable is ours when its name begins with a real key. Kubernetes and Docker make variables of
their own for a service called, say, `mbctl-controller`: those are passed over. Any other is a
mistake, and is named.
"""

import contextlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from hal.registry import meant
from mbctl.config.errors import ConfigError, fields_at

Tree = dict[str, Any]

# Behind the service's name: {SERVICE}_SERVICE_HOST, {SERVICE}_SERVICE_PORT_{PORT NAME},
# {SERVICE}_PORT_{NUMBER}_TCP_ADDR and their like.
_SERVICE = re.compile(
    r"([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
# {SERVICE}_PORT and _NAME alone could be a person's: an orchestrator puts a URL or /a/b there.
_BY_VALUE = (
    (re.compile(r"([A-Z0-9_]+_)?PORT"), re.compile(r"(tcp|udp|sctp)://.+")),
    (re.compile(r"([A-Z0-9_]+_)?NAME"), re.compile(r"/[\w.-]+/[\w.-]+")),
)
_LINKED = re.compile(r"([A-Z0-9_]+_)?ENV_\w+")  # a linked container's own variables


@dataclass(frozen=True)
class Variables:
    """What the environment sets: dotted keys, and the variables that set them."""

    prefix: str
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    def without(self, keys: Iterable[str]) -> "Variables":
        """Those that are not overruled."""
        overruled = set(keys)
        names = {key: name for key, name in self.names.items() if key not in overruled}
        return Variables(self.prefix, names, self.values)

    def apply(self, tree: Tree) -> Tree:
        """Lay the values over a tree, in the order of the variables' names."""
        for key in sorted(self.names, key=lambda key: self.names[key]):
            tree = assign(tree, key.split("."), unquoted(self.values[key]), self.names[key])
        return tree

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Errors in the block say which variable set the keys that they are about."""
        try:
            yield
        except ConfigError as error:
            text = str(error)
            about = [name for key, name in self.names.items() if _mentions(text, key)]
            if not about:
                raise
            raise ConfigError(f"{text} (set by {', '.join(sorted(about))})") from error


def read_variables(
    environment: Mapping[str, str], prefix: str, model: type[BaseModel]
) -> Variables:
    """The variables that set keys of `model`: `{prefix}A__B=value` sets a.b.

    Raises:
        ConfigError: one has our prefix, but names no key and is no orchestrator's.
    """
    names, values = {}, {}
    for name in sorted(name for name in environment if name.startswith(prefix)):
        rest, value = name.removeprefix(prefix), environment[name]
        keys = rest.lower().split("__")
        if keys[0] in model.model_fields:
            names[".".join(keys)], values[".".join(keys)] = name, value
        elif not _is_orchestrators(rest, value):
            raise ConfigError(f"{name}: unknown key {keys[0]!r}; {_advice(prefix, keys, model)}")
    return Variables(prefix, names, values)


def _is_orchestrators(rest: str, value: str) -> bool:
    if _SERVICE.fullmatch(rest) or _LINKED.fullmatch(rest):
        return True
    return any(name.fullmatch(rest) and text.fullmatch(value) for name, text in _BY_VALUE)


def _advice(prefix: str, keys: list[str], model: type[BaseModel]) -> str:
    """What was meant: a key behind one underscore where it takes two, or a misspelt one."""
    for table in model.model_fields:
        key = keys[0].removeprefix(f"{table}_")
        if len(keys) == 1 and key != keys[0] and key in fields_at(model, (table,)):
            return f"{table}.{key} is set by {prefix}{table.upper()}__{key.upper()}"
    return meant(keys[0], sorted(model.model_fields), show_all=True)


def _mentions(text: str, key: str) -> bool:
    parent = key.rpartition(".")[0]
    if parent and f"{parent}: Input should be" in text:  # a table where there is to be a value
        return True
    return re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.]*\w)", text) is not None


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
