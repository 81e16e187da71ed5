"""What looks on at a controller, such as a recorder, a page or a metric; the loop knows none of it.

A subscriber is named in the controller's configuration, `[subscribers.NAME]` with its settings,
and comes from another package by an entry point of the group `mbctl.subscribers`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hal.faults import Fault
from hal.registry import Registry
from hal.types import RobotSpec
from mbctl.exit_codes import StartUpError
from mbctl.tasks.task import Task
from services.controller.events import EpisodeEvent
from services.ipc.cycle_stream import CycleRecord

GROUP = "mbctl.subscribers"

Message = CycleRecord | EpisodeEvent | Fault
Class = TypeVar("Class", bound="type[Subscriber]")


@dataclass(frozen=True)
class Watched:
    """What a subscriber looks on at.

    Attributes:
        robot: its name, not its model's.
        spec: its joints, objects and bodies, in the order of each `RobotState`'s columns.
        backend: what stands for the robot, such as "mujoco".
        run_dir: of the controller.
    """

    robot: str
    spec: RobotSpec
    backend: str
    task: Task
    run_dir: Path


class Subscriber:
    """Is handed messages one by one, in a thread of its own within the service process.

    One that is slower than the robot, or raises, loses messages; the status says how many. What
    computes for long belongs into a process of its own, as threads take turns.

    Args:
        watched: what there is to see.
        settings: of its table in the configuration, as keyword arguments.
    """

    def __init__(self, watched: Watched) -> None: ...

    def on_cycle(self, cycle: CycleRecord) -> None:
        """The loop has measured, and sent a command or not."""

    def on_episode(self, event: EpisodeEvent) -> None:
        """An episode has started, or has finished and its rows are on the disk."""

    def on_fault(self, fault: Fault) -> None:
        """A fault or an emergency stop has been latched, or is told more exactly."""

    def close(self) -> None:
        """The controller ends; it waits a second at most."""


SUBSCRIBERS: Registry[type[Subscriber]] = Registry("subscriber", (), GROUP, StartUpError)


def subscriber(name: str) -> Callable[[Class], Class]:
    """Register the class below as the subscriber called `name`."""

    def register(cls: Class) -> Class:
        SUBSCRIBERS.define(name, cls, cls.__module__)
        return cls

    return register


def build_subscribers(
    wanted: Mapping[str, Mapping[str, Any]], watched: Watched
) -> dict[str, Subscriber]:
    """Those in the configuration, by name.

    Raises:
        StartUpError: there is none of that name, or it does not take its settings.
    """
    built: dict[str, Subscriber] = {}
    for name, settings in wanted.items():
        kind = SUBSCRIBERS[name]
        try:
            built[name] = kind(watched, **settings)
        except Exception as error:  # what a stranger's class raises is unknown
            why = f"{type(error).__name__}: {error}"
            raise StartUpError(f"subscriber {name!r} does not start: {why}") from error
    return built
