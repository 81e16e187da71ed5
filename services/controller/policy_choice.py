"""Which policy version is wanted: follow the newest or the promoted one, or stay with one.

Kept on disk, so that a version an operator rolled back from does not return with a restart.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mbctl.data.private_files import write_whole

Follow = Literal["latest", "promoted", "pinned"]
HISTORY = 50


class PolicyChoice(BaseModel):
    """The operator's wish and what ran before.

    Attributes:
        version: the pinned version; 0 unless `follow` is "pinned".
        history: versions in the order in which they were put on the robot, the present one last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    follow: Follow = "latest"
    version: int = Field(default=0, ge=0)
    history: tuple[int, ...] = ()

    def loaded(self, version: int) -> "PolicyChoice":
        """The choice after `version` was put on the robot."""
        if self.history[-1:] == (version,):
            return self
        return self.model_copy(update={"history": (*self.history, version)[-HISTORY:]})

    def pinned(self, version: int) -> "PolicyChoice":
        """The choice to stay with `version`."""
        return self.model_copy(update={"follow": "pinned", "version": version})

    def following(self, follow: Follow) -> "PolicyChoice":
        """The choice to follow "latest" or "promoted"."""
        return self.model_copy(update={"follow": follow, "version": 0})

    def rolled_back(self) -> "PolicyChoice | None":
        """The choice to stay with what ran before the present version; None when nothing did."""
        if len(self.history) < 2:
            return None
        history = self.history[:-1]
        return PolicyChoice(follow="pinned", version=history[-1], history=history)


def read_choice(path: Path) -> PolicyChoice:
    """What was saved; the default where nothing was.

    Raises:
        ValueError: the file is damaged; the message names it.
    """
    try:
        return PolicyChoice.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return PolicyChoice()
    except ValidationError as error:
        raise ValueError(
            f"{path} is damaged ({error.error_count()} errors); delete it to follow the latest"
        ) from error


def write_choice(path: Path, choice: PolicyChoice) -> None:
    """Save atomically.

    Raises:
        OSError: the disk refused; the former choice is still there.
    """
    write_whole(path, choice.model_dump_json())
