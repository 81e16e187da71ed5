"""A run's directory: rows and one checkpoint, from which it goes on bit for bit after any kill.

Rows are appended and flushed before the checkpoint that counts them replaces the former one; what
a kill leaves behind the counted rows is cut off, and collected once more with the same numbers.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from mbctl.data.private_files import write_whole
from mbctl.study.curves.plan import Identity, RunPlan
from mbctl.study.curves.points import Point, RunFilesError, read_points, write_points

PLAN_FILE = "run.json"
ROWS_FILE = "rows.f32"
CHECKPOINT_FILE = "checkpoint.safetensors"
POINTS_FILE = "curve.csv"
STAGES_DIR = "stages"
LOCK_FILE = "run.lock"
_HEAD = "mbctl"
_LEARNER = "learner."
_OPEN_EPISODE = "open_episode"


class Head(BaseModel):
    """Where a run stands.

    Attributes:
        rows: training rows collected.
        rows_used: of them, how many the last refit had.
        moves: refits so far, each with its improvement.
        episodes: training episodes begun.
        noise: state of the open episode's noise, if one is open.
        metrics: of the last move.
        evaluated: evaluation episodes so far.
        wall_s, cpu_s: spent so far, over all sessions.
    """

    model_config = ConfigDict(extra="forbid")

    identity: Identity
    rows: int = 0
    rows_used: int = 0
    moves: int = 0
    episodes: int = 0
    noise: dict[str, Any] | None = None
    metrics: dict[str, float] = {}
    evaluated: int = 0
    points: list[Point] = []
    wall_s: float = 0.0
    cpu_s: float = 0.0


class RunFiles:
    """The files of one run.

    Args:
        directory: made if it is not there.
        width: columns of a row; a step within its episode is kept beside each.
    """

    def __init__(self, directory: Path, width: int) -> None:
        self.directory = directory
        self._remedy = _remedy(directory)
        self._columns = width + 1
        directory.mkdir(parents=True, exist_ok=True)

    def append_rows(self, rows: np.ndarray, steps: np.ndarray) -> None:
        """Append [N, width] rows and [N] steps; durable with the next checkpoint only."""
        table = np.concatenate([rows, steps[:, None]], axis=1).astype("<f4")
        with (self.directory / ROWS_FILE).open("ab") as file:
            file.write(table.tobytes())

    def take_rows(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The first `count` rows [count, width] and their steps; whatever follows is cut off.

        Raises:
            RunFilesError: there are fewer.
        """
        path = self.directory / ROWS_FILE
        size = 4 * self._columns * count
        path.touch()
        if path.stat().st_size < size:
            raise RunFilesError(
                f"{path} holds fewer rows than the {count} of its checkpoint; {self._remedy}"
            )
        os.truncate(path, size)
        table = np.fromfile(path, dtype="<f4").reshape(count, self._columns)
        return table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64)

    def save(self, head: Head, learner: dict[str, Tensor], open_episode: Tensor) -> None:
        """Replace the checkpoint and the curve beside it.

        Args:
            open_episode: [T, A] float64 actions requested in the episode that goes on.

        Raises:
            OSError: the disk refused; the former checkpoint stands.
        """
        rows = self.directory / ROWS_FILE
        rows.touch()
        _flush(rows)
        tensors = {_LEARNER + name: value for name, value in learner.items()}
        tensors[_OPEN_EPISODE] = open_episode
        data = safetensors.torch.save(tensors, metadata={_HEAD: head.model_dump_json()})
        path = self.directory / CHECKPOINT_FILE
        draft = path.with_suffix(".draft")
        draft.write_bytes(data)
        _flush(draft)
        draft.replace(path)
        _flush(self.directory)
        write_points(head.points, self.directory / POINTS_FILE)

    def keep_stage(self, rows: int, learner: dict[str, Tensor]) -> None:
        """Keep the learner as it is with `rows` rows."""
        path = self.directory / STAGES_DIR / f"{rows}.safetensors"
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(safetensors.torch.save(learner))
        draft.replace(path)

    def load_stage(self, rows: int) -> dict[str, Tensor]:
        """The learner as it was with `rows` rows.

        Raises:
            RunFilesError: it was not kept, or is damaged.
        """
        path = self.directory / STAGES_DIR / f"{rows}.safetensors"
        try:
            return safetensors.torch.load(path.read_bytes())
        except (OSError, safetensors.SafetensorError) as error:
            raise RunFilesError(f"the learner's state {path} does not read: {error}") from error

    def load(self) -> tuple[Head, dict[str, Tensor], Tensor] | None:
        """Where the run stands, its learner's tensors and the open episode; None at first.

        Raises:
            RunFilesError: the checkpoint is damaged.
        """
        path = self.directory / CHECKPOINT_FILE
        if not path.is_file():
            return None
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
            head = Head.model_validate_json(metadata.get(_HEAD, ""))
            open_episode = tensors.pop(_OPEN_EPISODE)
        except (safetensors.SafetensorError, ValidationError, KeyError) as error:
            raise RunFilesError(
                f"checkpoint {path} is damaged: {_first_line(error)}; {self._remedy}"
            ) from error
        return head, {k.removeprefix(_LEARNER): v for k, v in tensors.items()}, open_episode


def begin_run(directory: Path, plan: RunPlan) -> None:
    """Say in a directory what is run there; make it if it is not there.

    Raises:
        RunFilesError: another run was begun in it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    check_identity(directory, plan)
    write_whole(directory / PLAN_FILE, plan.model_dump_json(indent=1))


def check_identity(directory: Path, plan: RunPlan) -> None:
    """Make sure that what was begun in a directory, if anything, is this run.

    Raises:
        RunFilesError: it is another, naming what differs.
    """
    path = directory / PLAN_FILE
    if not path.is_file():
        return
    try:
        old = RunPlan.model_validate_json(path.read_text(encoding="utf-8")).identity
    except ValidationError as error:
        raise RunFilesError(
            f"{path} does not describe a run: {_first_line(error)}; {_remedy(directory)}"
        ) from error
    wrong = _differences(old.model_dump(), plan.identity.model_dump())
    if wrong:
        raise RunFilesError(
            f"{directory} holds another run: {'; '.join(wrong[:5])}; "
            "restore the settings or choose another --out"
        )


def _remedy(directory: Path) -> str:
    return f"remove {directory} to begin this run again"


def _first_line(error: Exception) -> str:
    """What pydantic adds leads to its own documentation."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return ": ".join((".".join(str(part) for part in first["loc"]) or "it", first["msg"]))
    return str(error).partition("\n")[0]


def _differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += _differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(f"{prefix}{key} was {a!r}, is {b!r}")
    return found


def is_finished(directory: Path, plan: RunPlan) -> bool:
    """Whether the run has gone as far as `plan` asks, and has been evaluated there.

    Reads the plan and the curve alone, so that asking is quick.

    Raises:
        RunFilesError: a file does not read, or is another run's.
    """
    check_identity(directory, plan)
    rhythm = plan.rhythm
    return any(
        point.samples > rhythm.samples
        or (point.samples == rhythm.samples and point.evaluation_episodes >= rhythm.final_episodes)
        for point in read_points(directory / POINTS_FILE)
    )


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
