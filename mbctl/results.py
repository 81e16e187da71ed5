"""The learning curve of a run: points as CSV that survive a crash, and a picture of them."""

import csv
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class CurvePoint:
    """One evaluation of the mean policy on fresh goals.

    Attributes:
        samples: valid training rows stored when it was made.
        episodes: training episodes so far.
        success: fraction of evaluation episodes whose last step was a success.
        episode_return: mean return of the evaluation episodes.
        evaluation_episodes: how many there were.
        first_index: of the first of them; the next evaluation starts behind the last.
        policy_version: that was evaluated.
        model_error_one_step, model_error_open_loop: of the last refit; NaN before the first.
        wall_s, cpu_s: since the run began, over all its sessions; cpu_s over all processes.
    """

    samples: int
    episodes: int
    success: float
    episode_return: float
    evaluation_episodes: int
    first_index: int
    policy_version: int
    model_error_one_step: float
    model_error_open_loop: float
    wall_s: float
    cpu_s: float


NAMES = tuple(field.name for field in fields(CurvePoint))


def append_point(path: Path, point: CurvePoint) -> None:
    """Add a line; durable when this returns. A torn last line makes room for it."""
    whole = _whole_lines(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        file.truncate(len(whole.encode()))
        writer = csv.DictWriter(file, NAMES)
        if not whole:
            writer.writeheader()
        writer.writerow(asdict(point))
        file.flush()
        os.fsync(file.fileno())


def read_points(path: Path) -> list[CurvePoint]:
    """The points of a curve; none where there is no file yet. A torn last line is left out.

    Raises:
        ValueError: the file is not a curve; the message names the line.
    """
    lines = list(csv.reader(_whole_lines(path).splitlines()))
    if lines and tuple(lines[0]) != NAMES:
        raise ValueError(f"{path} is not a learning curve: its columns are {lines[0]}")
    points: list[CurvePoint] = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            points.append(_parse(line))
        except ValueError as error:
            raise ValueError(f"{path} line {number} does not read: {error}") from error
    return points


def _whole_lines(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open(newline="", encoding="utf-8") as file:
        text = file.read()
    return text[: text.rfind("\n") + 1]


def draw_curve(points: Sequence[CurvePoint], path: Path, title: str) -> None:
    """Write a PNG: success and return over samples."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    success = figure.add_subplot()
    samples = [point.samples for point in points]
    success.plot(samples, [100 * p.success for p in points], "o-", color="C0")
    success.set(xlabel="samples", ylim=(-3, 103), title=title)
    success.set_ylabel("success at the last step, %", color="C0")
    success.grid(alpha=0.3)
    returns = success.twinx()
    returns.plot(samples, [p.episode_return for p in points], ".--", color="C1", alpha=0.7)
    returns.set_ylabel("return", color="C1")
    figure.savefig(path, dpi=120)


def _parse(line: list[str]) -> CurvePoint:
    if len(line) != len(NAMES):
        raise ValueError(f"{len(line)} columns, expected {len(NAMES)}")
    values = dict(zip(NAMES, line, strict=True))
    kinds = {field.name: int if field.type is int else float for field in fields(CurvePoint)}
    return CurvePoint(**{name: kinds[name](text) for name, text in values.items()})  # pyright: ignore[reportArgumentType]  # kinds follow the fields
