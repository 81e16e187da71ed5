"""What the papers' own results are, to be drawn beside ours, and how good is good enough.

readings.toml holds them. None was given as a table of a learning curve: each reading says whether
it is exact (from a text or a table) or was read off a figure, and for which variant of the task.
"""

import csv
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from mbctl.config.models import Frozen

_FILE = Path(__file__).with_name("readings.toml")

Metric = Literal["success", "return"]
Range = tuple[float, float]


class Reading(Frozen):
    """One value of a paper.

    Attributes:
        algorithm: as named here; "ours" has the same name in a run.
        samples: between which it was reached; the same twice where one number is given.
        value: success in 0..1 or return; likewise a range.
        exact: from a text or table; otherwise read off a figure, +-20 %.
        note: what to mind when comparing.
    """

    task: str
    algorithm: str
    metric: Metric
    samples: Range
    value: Range
    exact: bool
    source: str
    note: str = ""


class Threshold(Frozen):
    """A value of a task that runs are compared by: at how many samples it is reached."""

    task: str
    metric: Metric
    value: float


class Readings(Frozen):
    """The whole file."""

    reading: tuple[Reading, ...] = Field(min_length=1)
    threshold: tuple[Threshold, ...] = Field(min_length=1)

    def of_tasks(self, tasks: Collection[str]) -> list[Reading]:
        return [reading for reading in self.reading if reading.task in tasks]


def read_readings() -> Readings:
    """The file of readings beside this module."""
    return Readings.model_validate(tomllib.loads(_FILE.read_text(encoding="utf-8")))


def write_readings(readings: Iterable[Reading], path: Path) -> None:
    """As CSV, to lie beside our own tables; ranges in two columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        ranges = ("samples_from", "samples_to", "value_from", "value_to")
        writer.writerow(("task", "algorithm", "metric", *ranges, "exact", "source", "note"))
        for r in readings:
            numbers = (*r.samples, *r.value)
            writer.writerow((r.task, r.algorithm, r.metric, *numbers, r.exact, r.source, r.note))
