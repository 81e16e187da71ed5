"""The points of a learning curve: evaluations of the mean policy on fresh goals."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from hal.errors import ReasonedError


class RunFilesError(ReasonedError):
    """A run's directory that cannot be gone on with, or read; the message says why."""

    reason = "RUN_FILES"


class Point(BaseModel):
    """One evaluation.

    Attributes:
        samples: training rows collected when it was made.
        episodes: training episodes begun so far.
        moves: refits so far.
        success: share of evaluation episodes whose last step was a success.
        return_mean, return_std, return_min, return_max: over the evaluation episodes.
        length_mean: steps of an evaluation episode.
        evaluation_episodes: how many there were.
        first_index: of the first of them; the next evaluation starts behind the last.
        model_error_one_step, model_error_open_loop: of the last refit; NaN where it tells none.
        wall_s, cpu_s: spent so far, over all sessions; evaluations included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    samples: int
    episodes: int
    moves: int
    success: float
    return_mean: float
    return_std: float
    return_min: float
    return_max: float
    length_mean: float
    evaluation_episodes: int
    first_index: int
    model_error_one_step: float = math.nan
    model_error_open_loop: float = math.nan
    wall_s: float
    cpu_s: float


NAMES = tuple(Point.model_fields)


def spread(returns: Sequence[float]) -> dict[str, float]:
    """A point's numbers about its returns."""
    values = np.array(returns)
    return {
        "return_mean": float(values.mean()),
        "return_std": float(values.std()),
        "return_min": float(values.min()),
        "return_max": float(values.max()),
    }


def write_points(points: Sequence[Point], path: Path) -> None:
    """Replace a curve's CSV file, entirely or not at all."""
    draft = path.with_suffix(".draft")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES)
        writer.writeheader()
        writer.writerows(point.model_dump() for point in points)
    draft.replace(path)


def read_points(path: Path) -> list[Point]:
    """The points of a curve; none where there is no file yet.

    Raises:
        RunFilesError: it is no curve, or a line of it does not read.
    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    try:
        return [Point.model_validate(line) for line in lines]
    except ValueError as error:
        raise RunFilesError(f"{path} is not a learning curve: {error}") from error
