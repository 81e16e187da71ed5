"""Names to definitions, among them those that other installed packages bring.

A definition registers itself when the module that holds it is imported. Those modules are named
once: the project's own as module names, others' by the entry points of a group.
"""

import threading
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from hal.errors import HalError

T = TypeVar("T")

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""Of names that configurations hold and that files and directories are called by."""
NAME_RULE = "small letters, digits, - and _, the first a letter or digit"


class DuplicateNameError(HalError):
    """Two definitions claim one name; the message names the modules of both."""

    reason = "DUPLICATE_NAME"


def meant(name: str, known: Iterable[str], *, show_all: bool = False) -> str:
    """What a message adds about a name that is none of `known`: the nearest one, or all of them.

    Args:
        show_all: all of them behind the nearest one, too.
    """
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = [f"did you mean {near[0]!r}?"] if near else []
    listed = [f"known: {', '.join(names) or 'none'}"] if show_all or not near else []
    return " ".join([*hint, *listed])


class Registry(Generic[T]):
    """Definitions of one kind by name.

    The project's own are found without a look at other packages, so a broken package of somebody
    else's costs only its own names.

    Args:
        kind: what a definition is called in messages, such as "task".
        modules: those of this project that define some.
        group: of entry points; each names a module, or an object in one, that defines some.
        unknown: the error raised for a name that nothing has.
    """

    def __init__(
        self, kind: str, modules: Iterable[str], group: str, unknown: Callable[[str], Exception]
    ) -> None:
        self.kind = kind
        self.group = group
        self._modules = tuple(modules)
        self._unknown = unknown
        self._definitions: dict[str, tuple[T, str]] = {}
        self._broken: dict[str, str] = {}
        self._lock = threading.RLock()
        self._has_own = self._has_others = False

    def define(self, name: str, definition: T, module: str) -> None:
        """Register `definition`, which stands in `module`.

        Raises:
            DuplicateNameError: the name belongs to another module's definition.
        """
        with self._lock:
            _, other = self._definitions.get(name, (None, module))
            if other != module:
                raise DuplicateNameError(
                    f"{self.kind} {name!r} of {module} is defined in {other} already; rename one"
                )
            self._definitions[name] = definition, module

    def __getitem__(self, name: str) -> T:
        """The definition called `name`.

        Raises:
            Exception: of the type `unknown`; the message lists the names that there are.
        """
        with self._lock:
            if name in self:
                return self._definitions[name][0]
            broken = "".join(f"; {message}" for message in self._broken.values())
            known = self._definitions
        raise self._unknown(f"unknown {self.kind} {name!r}; {meant(name, known)}{broken}")

    def __contains__(self, name: object) -> bool:
        """Whether there is one called `name`."""
        with self._lock:
            self._find_own()
            if name not in self._definitions:
                self._find_others()
            return name in self._definitions

    def names(self) -> tuple[str, ...]:
        """All names: the project's own in the order of their definition, then those of others."""
        with self._lock:
            self._find_own()
            self._find_others()
            return tuple(self._definitions)

    def module(self, name: str) -> str:
        """The module that defines `name`; raises what `registry[name]` raises."""
        with self._lock:
            self[name]
            return self._definitions[name][1]

    def broken(self) -> dict[str, str]:
        """Entry points that could not be imported, each with what is wrong in words."""
        with self._lock:
            self._find_others()
            return dict(self._broken)

    def _find_own(self) -> None:
        if self._has_own:
            return
        self._has_own = True  # first: a module that is imported now may look up another's name
        try:
            for module in self._modules:
                import_module(module)
        except BaseException:
            self._has_own = False
            raise

    def _find_others(self) -> None:
        if self._has_others:
            return
        self._find_own()
        self._has_others = True
        for point in sorted(entry_points(group=self.group), key=lambda p: (p.name, p.value)):
            self._load(point)

    def _load(self, point: EntryPoint) -> None:
        try:
            point.load()
        except Exception as error:  # noqa: BLE001 - what a stranger's module raises is unknown
            distribution = "an unnamed package" if point.dist is None else point.dist.name
            self._broken[point.name] = (
                f"entry point {point.name!r} ({self.group}) of {distribution} cannot load "
                f"{point.value}: {type(error).__name__}: {error}"
            )
