"""Which daemon answers: every answer says it, so that nobody takes one robot for another."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mbctl.exit_codes import StartUpError
from services.estop.by_call import NAME_KEY
from services.local_daemons import CONTROLLER, TRAINER, Announcement, announced

# Who serves what; of a service that both serve there is nothing to say.
_SERVED_BY = {
    "mbctl.v1.RobotService": CONTROLLER,
    "mbctl.v1.SafetyService": CONTROLLER,
    "mbctl.v1.EpisodeService": CONTROLLER,
    "mbctl.v1.PolicyService": CONTROLLER,
    "mbctl.v1.IngestService": TRAINER,
    "mbctl.v1.ModelService": TRAINER,
}
_VARIABLES = {CONTROLLER: "MBCTL_TARGET", TRAINER: "MBCTL_MODEL_TARGET"}


@dataclass(frozen=True)
class DaemonName:
    """One daemon.

    Attributes:
        kind: what it is.
        name: of its robot, or of its task.
        peer: address of its counterpart, if it knows one.
    """

    kind: Literal["controller", "trainer"]
    name: str
    peer: str = ""

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with each answer."""
        return ((NAME_KEY, self.name),)

    def __str__(self) -> str:
        return f"the {self.kind} of {self.name}"

    def does_not_serve(self, method: str) -> str:
        """Why it has no such method, and who has."""
        service = method.strip("/").partition("/")[0]
        right = _SERVED_BY.get(service)
        if right is None or right == self.kind:
            return f"{self} has no method {method}: is the client of another version?"
        where = f", such as {self.peer}" if self.peer else ""
        return (
            f"this is {self}, and {service} is a {right}'s: use the address of a {right}{where} "
            f"(--target or {_VARIABLES[right]})"
        )


def announce(daemon: DaemonName, run_dir: Path, stack: contextlib.AsyncExitStack) -> Announcement:
    """Let verbs of this user on this machine find the daemon, until `stack` is left.

    Raises:
        StartUpError: there is no directory for it.
    """
    try:
        return stack.enter_context(announced(daemon.kind, daemon.name, run_dir))
    except OSError as error:
        raise StartUpError(f"cannot say where this {daemon.kind} is: {error}") from error


def name_in(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """The name in an answer's trailing metadata; empty where there is none."""
    return next((str(value) for key, value in metadata or () if key == NAME_KEY), "")
