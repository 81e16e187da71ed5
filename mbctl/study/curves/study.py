"""`mbctl bench curves`: runs what is not finished, then writes tables and a picture of all."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mbctl.study.curves.fleet import Failure, Fleet, make_out_folder
from mbctl.study.curves.picture import draw_curves
from mbctl.study.curves.plan import RunPlan
from mbctl.study.curves.points import RunFilesError
from mbctl.study.curves.readings import read_readings, write_readings
from mbctl.study.curves.table import (
    Mean,
    Reached,
    means,
    read_curve,
    samples_to,
    write_points_table,
    write_records,
)

POINTS_TABLE = "points.csv"
MEANS_TABLE = "means.csv"
THRESHOLDS_TABLE = "samples-to-threshold.csv"
READINGS_TABLE = "papers.csv"
PICTURE = "curves.png"


@dataclass(frozen=True)
class CurvesResult:
    """What all runs under a directory found.

    Attributes:
        last: for each task and variant, the mean at its last sample that all of its seeds reached.
        files: written, by name.
    """

    last: Sequence[Mean]
    reached: Sequence[Reached]
    failures: Sequence[Failure]
    files: dict[str, str]

    def plain(self) -> dict[str, Any]:
        failed = [{"run": f.plan.title, "message": f.message} for f in self.failures]
        return {
            "last": [asdict(mean) for mean in self.last],
            "samples_to_threshold": [asdict(reached) for reached in self.reached],
            "failures": failed,
            "files": self.files,
        }


def run_curves(
    plans: Sequence[RunPlan], out: Path, processes: int, note: Callable[[str], None]
) -> CurvesResult:
    """Run and report; may be stopped at any moment and called again.

    Raises:
        ConfigError: `out` is no folder that can be written.
        OSError: the disk refused.
    """
    make_out_folder(out)
    failures = Fleet(plans, out, processes, note).run()
    return report(plans, out, failures)


def report(plans: Sequence[RunPlan], out: Path, failures: Sequence[Failure] = ()) -> CurvesResult:
    """Tables and picture of the runs as far as they have come.

    Raises:
        RunFilesError: there is no such folder, or a curve does not read.
    """
    if not out.is_dir():
        raise RunFilesError(f"{out} is not there, or no folder: no run has been made in it")
    curves = [read_curve(out, plan) for plan in plans]
    readings = read_readings()
    averaged, reached = means(curves), samples_to(curves, readings.threshold)
    write_points_table(curves, out / POINTS_TABLE)
    write_records(averaged, Mean, out / MEANS_TABLE)
    write_records(reached, Reached, out / THRESHOLDS_TABLE)
    write_readings(readings.of_tasks({curve.task for curve in curves}), out / READINGS_TABLE)
    shift = plans[0].identity.shift
    draw_curves(curves, readings.reading, out / PICTURE, None if shift is None else shift.at)
    names = (POINTS_TABLE, MEANS_TABLE, THRESHOLDS_TABLE, READINGS_TABLE, PICTURE)
    return CurvesResult(_last(averaged), reached, failures, {n: str(out / n) for n in names})


def _last(averaged: Sequence[Mean]) -> list[Mean]:
    return list({(mean.task, mean.variant): mean for mean in averaged}.values())
