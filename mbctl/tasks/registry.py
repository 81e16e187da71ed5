"""Task names to tasks.

A task registers where it is defined. A decorator names it and its variants:

    @task("dclaw-turn", variants=("fixed", "random"))
    class DClawTurn(DClawTask): ...

gives `dclaw-turn-fixed` and `dclaw-turn-random`, one class whose instances know their `variant`.
Modules of this package are found by themselves, those of others by the entry points `mbctl.tasks`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import walk_packages
from typing import TypeVar

from hal.errors import ReasonedError
from hal.registry import Registry
from mbctl.tasks.task import BaseTask, Task

ENTRY_POINTS = "mbctl.tasks"

T = TypeVar("T", bound=type[BaseTask])


class UnknownTaskError(ReasonedError, ValueError):
    """No task or observation has this name; the message names the nearest, or all."""

    reason = "UNKNOWN_TASK"


class IncompleteTaskError(ReasonedError, TypeError):
    """A class cannot be a task; the message says what it lacks."""

    reason = "TASK_INCOMPLETE"


@dataclass(frozen=True)
class TaskDefinition:
    """What a public name stands for.

    Attributes:
        name: the public one.
        kind: class of the task.
        variant: "" for a task without variants.
    """

    name: str
    kind: type[BaseTask]
    variant: str


def _modules() -> tuple[str, ...]:
    """This package's and its subpackages'."""
    package = __name__.rpartition(".")[0]
    return tuple(m.name for m in walk_packages(import_module(package).__path__, f"{package}."))


TASKS = Registry[TaskDefinition]("task", _modules(), ENTRY_POINTS, UnknownTaskError)


def task(name: str, variants: tuple[str, ...] = ()) -> Callable[[T], T]:
    """Register the class below as the task `name`, or as `name-variant` for each of the variants.

    Raises:
        IncompleteTaskError: the class lacks something that a task has to say itself, or `variants`
            is a string.
        DuplicateNameError: another module has a task of this name.
    """
    if isinstance(variants, str):
        raise IncompleteTaskError(f"task {name!r}: variants is {variants!r}, expected a tuple")

    def register(kind: T) -> T:
        _check(name, kind)
        names = {f"{name}-{variant}": variant for variant in variants} or {name: ""}
        for public, variant in names.items():
            TASKS.define(public, TaskDefinition(public, kind, variant), kind.__module__)
        return kind

    return register


def make_task(name: str, observation: str = "default") -> Task:
    """The task called `name`, observed as `observation`.

    Raises:
        UnknownTaskError: either name is unknown.
    """
    found = TASKS[name]
    known = found.kind.observations
    if observation not in known:
        raise UnknownTaskError(
            f"unknown observation {observation!r} for {name}; one of: {', '.join(known)}"
        )
    return found.kind(name, found.variant, observation)


def _check(name: str, kind: type) -> None:
    if not issubclass(kind, BaseTask):
        raise IncompleteTaskError(f"task {name!r}: {kind.__qualname__} is no BaseTask")
    missing = sorted(kind.__abstractmethods__)
    declared = (name for base in kind.__mro__ for name in vars(base).get("__annotations__", {}))
    missing += sorted({name for name in declared if not hasattr(kind, name)})
    if not missing and kind.goal_names and kind.sample_goal is BaseTask.sample_goal:
        missing.append("sample_goal")
    if missing:
        raise IncompleteTaskError(
            f"task {name!r}: {kind.__qualname__} has no {', '.join(missing)}; define them in it"
        )
