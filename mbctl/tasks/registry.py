"""Task names to tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from mbctl.tasks import dclaw_observation, dkitty_observation
from mbctl.tasks.dclaw_turn import DClawTurn
from mbctl.tasks.dkitty_orient import DKittyOrient
from mbctl.tasks.dkitty_stand import DKittyStand
from mbctl.tasks.dkitty_task import AS_IN_ROBEL, CORRECTED, DKittyTask
from mbctl.tasks.dkitty_walk import DKittyWalk
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.gym.names import GYM_TASKS
from mbctl.tasks.task import Task


@dataclass(frozen=True)
class _Entry:
    observations: tuple[str, ...]
    make: Callable[[str], Task]


def _dclaw_turn(*, random: bool) -> _Entry:
    return _Entry(dclaw_observation.OBSERVATIONS, lambda kind: DClawTurn(random, kind))


def _dkitty(task: type[DKittyTask], *, random: bool) -> _Entry:
    """ROBEL's own observation comes with the quirks of its rewards and starts."""

    def make(kind: str) -> Task:
        return task(random, kind, AS_IN_ROBEL if kind == "robel" else CORRECTED)

    return _Entry(dkitty_observation.OBSERVATIONS, make)


def _gym(task: GymTask) -> _Entry:
    return _Entry(("default",), lambda _: task)


_TASKS = {
    "dclaw-turn-fixed": _dclaw_turn(random=False),
    "dclaw-turn-random": _dclaw_turn(random=True),
    "dkitty-stand-fixed": _dkitty(DKittyStand, random=False),
    "dkitty-stand-random": _dkitty(DKittyStand, random=True),
    "dkitty-orient-fixed": _dkitty(DKittyOrient, random=False),
    "dkitty-orient-random": _dkitty(DKittyOrient, random=True),
    "dkitty-walk-fixed": _dkitty(DKittyWalk, random=False),
    "dkitty-walk-random": _dkitty(DKittyWalk, random=True),
    **{name: _gym(task) for name, task in GYM_TASKS.items()},
}
TASK_NAMES = tuple(_TASKS)


class UnknownTaskError(ValueError):
    """No task or observation has this name; the message lists those that exist."""


def make_task(name: str, observation: str = "default") -> Task:
    """The task called `name`, observed as `observation`.

    Raises:
        UnknownTaskError: either name is unknown.
    """
    if name not in _TASKS:
        close = get_close_matches(name, TASK_NAMES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UnknownTaskError(f"unknown task {name!r}{hint} Tasks: {', '.join(TASK_NAMES)}")
    entry = _TASKS[name]
    if observation not in entry.observations:
        raise UnknownTaskError(
            f"unknown observation {observation!r} for {name}; "
            f"one of: {', '.join(entry.observations)}"
        )
    return entry.make(observation)
