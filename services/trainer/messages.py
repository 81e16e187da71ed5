"""What service process and learner process say to each other: one JSON object a line.

The service writes commands to the learner's stdin, the learner writes reports to its stdout. The
first line the learner reads is its LearnerConfig.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mbctl.config import LearnerConfig, TrainerConfig
from mbctl.data.chunk import NUMBER_MAX

LINE_BYTES_MAX = 1 << 20

Count = Annotated[int, Field(ge=0, le=NUMBER_MAX)]  # what the database can hold


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def line(self) -> bytes:
        """The message as one line of JSON."""
        return self.model_dump_json().encode() + b"\n"


def learner_config(config: TrainerConfig) -> LearnerConfig:
    """The learner's share of the trainer's configuration."""
    return LearnerConfig(**{key: getattr(config, key) for key in LearnerConfig.model_fields})


class RefitCommand(_Message):
    """Carry out refit number `refit` (from 1) on exactly the first `rows` training rows.

    Attributes:
        job: tells this attempt from others at the same refit.
    """

    kind: Literal["refit"] = "refit"
    job: Count
    refit: Count
    rows: Count


class CancelCommand(_Message):
    """Stop a job if it runs, and go back to the state before it."""

    kind: Literal["cancel"] = "cancel"
    job: Count


class Published(_Message):
    """A version that is on disk.

    Attributes:
        refit: refits done; this version is the last one's, or the untrained one at 0.
        rows: training rows taken in.
        rows_sha256: over those rows' bytes, in order.
        metrics: what refit and improvement measured, seconds among them.
    """

    kind: Literal["published"] = "published"
    refit: Count
    version: Count
    rows: Count
    rows_sha256: str
    metrics: dict[str, float]


class Ready(_Message):
    """The learner stands at its checkpoint and waits for commands."""

    kind: Literal["ready"] = "ready"
    initial_rows: Count
    rows_per_refit: Count
    newest: Published


class Advanced(_Message):
    """Progress of a refit.

    Attributes:
        phase: REFIT, IMPROVE or PUBLISH.
        fraction: of the phase.
        overall: of the whole operation.
        values: numbers so far, as the algorithm names them.
    """

    kind: Literal["advanced"] = "advanced"
    job: Count
    phase: str
    fraction: float
    overall: float
    values: dict[str, float]


class CancelledReport(_Message):
    """A job was given up."""

    kind: Literal["cancelled"] = "cancelled"
    job: Count


class Refused(_Message):
    """The learner cannot work in this run directory with this configuration; it exits."""

    kind: Literal["refused"] = "refused"
    reason: str
    message: str


Command = RefitCommand | CancelCommand
Report = Ready | Advanced | Published | CancelledReport | Refused

_COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="kind")])
_REPORTS: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="kind")])


def parse_command(line: bytes) -> Command:
    """The command on a line.

    Raises:
        ValueError: it is none.
    """
    return _COMMANDS.validate_json(line)


def parse_report(line: bytes) -> Report:
    """The report on a line.

    Raises:
        ValueError: it is none.
    """
    return _REPORTS.validate_json(line)


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """The values that JSON can say."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}
