"""What the planner process is told over its stdin: one JSON object a line."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from mbctl.config.models import DeviceName, TaskConfig


class PlannerTask(BaseModel):
    """The first line: the task whose observations and rewards it plans with.

    Attributes:
        threads: that share the scoring of sequences.
        device: where plans are made, as in a configuration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: TaskConfig
    threads: int = Field(ge=1)
    device: DeviceName = "cpu"


class UseVersion(BaseModel):
    """A policy version that may be asked for from now on.

    Attributes:
        path: its directory.
        weights_sha256: what its manifest must say, so that a number taken twice is noticed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    path: Path
    weights_sha256: str

    def line(self) -> bytes:
        """As it travels."""
        return self.model_dump_json().encode() + b"\n"
