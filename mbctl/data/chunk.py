"""A chunk: a run of rows of one episode under one policy version, with where they came from.

The same record goes into the controller's spool, over the wire and into the trainer's database, so
each row stays traceable to robot, task, episode, step, policy, calibration and backend. The fields
of the two classes below are told here alone: checks, digest, tables (`chunk_schema`) and messages
(`services.wire`) are made from them.
"""

import hashlib
import json
import math
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from typing import Annotated, Any, Literal, get_type_hints

import numpy as np
from numpy.typing import NDArray

from hal.errors import ReasonedError
from mbctl.data.layout import RowLayout, Rows

Purpose = Literal["train", "evaluate"]
END_REASONS = ("TERMINATED", "TRUNCATED", "CANCELLED", "FAULT")
ROWS_MAX = 256
NAME_MAX = 128
STAMP_BYTES = 16  # observation and command, int64 each
NUMBER_MAX = (
    1 << 62
)  # leaves room to add to it in a signed 64-bit column; as ns it is the year 2116
STEP_MAX = (1 << 31) - 1
INDEX_MAX = 1 << 31
NAMED_INDEX_MAX = INDEX_MAX // 2  # that anybody may send a robot to; the rest only counting reaches


class ChunkError(ReasonedError, ValueError):
    """A chunk that may not be stored: CHUNK_INVALID, LAYOUT_MISMATCH or ROW_NOT_FINITE."""


@dataclass(frozen=True, slots=True)
class Within:
    """A whole number from `least` to `most`."""

    least: int
    most: int

    def right(self, value: int) -> str:
        """What `value` should be; empty where it is right."""
        if value < self.least:
            return f"{self.least} or more"
        return f"at most {self.most}" if value > self.most else ""


@dataclass(frozen=True, slots=True)
class Printable:
    """Text of `least` to NAME_MAX printable characters."""

    least: int

    def right(self, value: str) -> str:
        """What `value` should be; empty where it is right."""
        if self.least <= len(value) <= NAME_MAX and value.isprintable():
            return ""
        return f"{f'{self.least} to' if self.least else 'up to'} {NAME_MAX} printable characters"


Name = Annotated[str, Printable(1)]
Text = Annotated[str, Printable(0)]
Number = Annotated[int, Within(0, NUMBER_MAX)]
Steps = Annotated[int, Within(0, STEP_MAX)]


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """One finished, cancelled or failed episode.

    Attributes:
        index: its place in its purpose's seeded sequence.
        episode_return: NaN where the robot did not see all of it.
        success: the task's success at the last step.
        end_reason: one of END_REASONS.
        start_wall_ns: wall-clock time of its first step, ns since 1970.
        clipped_steps: steps in which the safety gate altered a command.
    """

    episode_id: str
    robot: str
    task: str
    purpose: Purpose
    index: Annotated[int, Within(0, INDEX_MAX)]
    policy_version: Number
    steps: Steps
    episode_return: float
    success: bool
    end_reason: str
    start_wall_ns: Number
    clipped_steps: Steps


@dataclass(frozen=True)
class ChunkRecord:
    """1 to ROWS_MAX rows; immutable once it has a sequence number.

    Attributes:
        spool_id: 128 random bits in hexadecimal; names the spool database that numbered the rows.
        first_sequence: number of the first row in that spool; from 1, contiguous over rows.
        first_step: step of the first row within its episode, from 0.
        layout_hash: `RowLayout.hash` of `rows`.
        boot_id: names the clock that the stamps were taken from.
        wall_ns: wall-clock time of the first row, ns since 1970.
        rows: little-endian float32 [row_count, width].
        stamps: little-endian int64 [row_count, 2]: observation and command, monotonic ns.
        episode: set on the last chunk of an episode.
    """

    spool_id: Name
    first_sequence: Annotated[int, Within(1, NUMBER_MAX)]
    row_count: Annotated[int, Within(1, ROWS_MAX)]
    robot: Name
    task: Name
    episode_id: Name
    first_step: Annotated[int, Within(0, STEP_MAX - ROWS_MAX)]
    policy_version: Number
    calibration_version: Text
    backend: Name
    purpose: Purpose
    layout_hash: Name
    boot_id: Text
    wall_ns: Number
    rows: bytes
    stamps: bytes
    episode: EpisodeSummary | None = None

    @property
    def next_sequence(self) -> int:
        """Sequence number of the row that follows this chunk."""
        return self.first_sequence + self.row_count

    @property
    def payload_bytes(self) -> int:
        return len(self.rows) + len(self.stamps)

    @cached_property
    def matrix(self) -> Rows:
        """The rows as float32 [row_count, width], read-only; the width is the payload's own."""
        return np.frombuffer(self.rows, dtype="<f4").reshape(self.row_count, -1)

    @property
    def stamp_matrix(self) -> NDArray[np.int64]:
        """The stamps as int64 [row_count, 2] ns, read-only."""
        return np.frombuffer(self.stamps, dtype="<i8").reshape(self.row_count, 2)

    @property
    def valid_mask(self) -> NDArray[np.bool_]:
        """[row_count] bool; `valid` is the last column of every layout."""
        return self.matrix[:, -1] > 0.5

    @property
    def digest(self) -> bytes:
        """SHA-256 over everything that the rows say and are, whatever spool numbered them."""
        header = [getattr(self, name) for name in HEADER_FIELDS if name != "first_sequence"]
        header.append(None if self.episode is None else astuple(self.episode))
        digest = hashlib.sha256(json.dumps(header).encode())
        digest.update(self.rows)
        digest.update(self.stamps)
        return digest.digest()

    def check(self, layout: RowLayout) -> None:
        """Hold the chunk against `layout` and its own header.

        Raises:
            ChunkError: names the field, its value and what would be right.
        """
        self.check_header()
        if self.layout_hash != layout.hash:
            raise ChunkError(
                f"chunk {self.first_sequence} has row layout {self.layout_hash[:12]!r}, "
                f"expected {layout.hash[:12]!r} ({layout.width} columns)",
                reason="LAYOUT_MISMATCH",
            )
        expected = self.row_count * layout.row_bytes
        if len(self.rows) != expected:
            raise _invalid(self, "rows", f"{len(self.rows)} bytes", f"{expected} bytes")
        self._check_finite(layout)

    def check_header(self) -> None:
        """Check everything that needs no layout.

        Raises:
            ChunkError: names the field, its value and what would be right.
        """
        _check_limits(self, self)
        if self.purpose not in ("train", "evaluate"):
            raise _invalid(self, "purpose", self.purpose, "'train' or 'evaluate'")
        if len(self.stamps) != self.row_count * STAMP_BYTES:
            expected = f"{self.row_count * STAMP_BYTES} bytes"
            raise _invalid(self, "stamps", f"{len(self.stamps)} bytes", expected)
        if (least := int(self.stamp_matrix.min())) < 0:
            raise _invalid(self, "stamps", least, "0 ns or more on a monotonic clock")
        if self.episode is not None:
            self._check_episode(self.episode)

    def _check_episode(self, episode: EpisodeSummary) -> None:
        for name in ("episode_id", "robot", "task", "purpose"):
            if getattr(episode, name) != getattr(self, name):
                value, right = getattr(episode, name), getattr(self, name)
                raise _invalid(self, f"episode.{name}", value, f"{right!r}, as the chunk says")
        if episode.end_reason not in END_REASONS:
            raise _invalid(self, "episode.end_reason", episode.end_reason, f"one of {END_REASONS}")
        _check_limits(self, episode, "episode.")
        if math.isinf(episode.episode_return):
            value = episode.episode_return
            raise _invalid(self, "episode.episode_return", value, "a finite number, or NaN")
        if episode.steps < self.first_step + self.row_count:
            right = f"{self.first_step + self.row_count} or more, the rows up to here"
            raise _invalid(self, "episode.steps", episode.steps, right)

    def _check_finite(self, layout: RowLayout) -> None:
        matrix = layout.rows_from_bytes(self.rows, self.row_count)
        valid = matrix[:, layout.valid]
        if not bool(np.all((valid == 0.0) | (valid == 1.0))):
            raise _invalid(self, "rows.valid", "another value", "0 or 1 in every row")
        bad = ~np.isfinite(matrix).all(axis=1) & (valid == 1.0)
        if bool(bad.any()):
            step = self.first_step + int(np.argmax(bad))
            raise ChunkError(
                f"step {step} of episode {self.episode_id!r} holds NaN or infinity; "
                "a row may do so only with valid = 0",
                reason="ROW_NOT_FINITE",
            )


def _limits_of(record: type) -> dict[str, Within | Printable]:
    hints = get_type_hints(record, include_extras=True).items()
    return {name: hint.__metadata__[0] for name, hint in hints if hasattr(hint, "__metadata__")}


_LIMITS = {record: _limits_of(record) for record in (ChunkRecord, EpisodeSummary)}
EPISODE_FIELDS = tuple(field.name for field in fields(EpisodeSummary))
_PAYLOAD = ("spool_id", "rows", "stamps", "episode")
HEADER_FIELDS = tuple(field.name for field in fields(ChunkRecord) if field.name not in _PAYLOAD)
"""What a chunk says of its rows, in this order in digests, tables and messages."""


def public_name(spool_id: str) -> str:
    """What messages and logs call a spool; its id authorises a stream and stays unseen."""
    return hashlib.sha256(spool_id.encode()).hexdigest()[:8]


def _invalid(chunk: ChunkRecord, name: str, value: object, right: str) -> ChunkError:
    message = f"chunk {chunk.first_sequence}: {name} is {value!r}, expected {right}"
    return ChunkError(message, reason="CHUNK_INVALID")


def _check_limits(
    chunk: ChunkRecord, record: ChunkRecord | EpisodeSummary, prefix: str = ""
) -> None:
    for name, limit in _LIMITS[type(record)].items():
        value = getattr(record, name)
        if right := limit.right(value):
            raise _invalid(chunk, prefix + name, _shown(name, value), right)


def _shown(name: str, value: Any) -> Any:
    if name == "spool_id":
        return f"{len(value)} characters"
    if isinstance(value, str) and len(value) > NAME_MAX:
        return f"{value[:40]}... ({len(value)} characters)"
    return value
