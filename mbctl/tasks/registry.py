"""Task names to tasks."""

from collections.abc import Callable
from difflib import get_close_matches

from mbctl.tasks.dclaw_observation import OBSERVATIONS
from mbctl.tasks.dclaw_turn import DClawTurn
from mbctl.tasks.task import Task

_TASKS: dict[str, Callable[[str], Task]] = {
    "dclaw-turn-fixed": lambda observation: DClawTurn(False, observation),
    "dclaw-turn-random": lambda observation: DClawTurn(True, observation),
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
    if observation not in OBSERVATIONS:
        raise UnknownTaskError(
            f"unknown observation {observation!r} for {name}; one of: {', '.join(OBSERVATIONS)}"
        )
    return _TASKS[name](observation)
