"""`mbctl bench errors`: tables and pictures of model errors over look-ahead and of derivatives."""

import csv
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mbctl.config.check import check_task_name
from mbctl.study.curves.fleet import Failure, Fleet, make_out_folder
from mbctl.study.curves.plan import RunPlan
from mbctl.study.errors.picture import draw_slopes, draw_stages
from mbctl.study.errors.slopes import SlopeError, SlopeSizes, measure_slopes, true_step
from mbctl.study.errors.stages import StageError, check_models, measure_stages
from mbctl.tasks.registry import make_task

LOOK_AHEAD_TABLE, LOOK_AHEAD_PICTURE = "look-ahead.csv", "look-ahead.png"
SLOPES_TABLE, SLOPES_PICTURE = "slopes.csv", "slopes.png"


@dataclass(frozen=True)
class StageMean:
    """Means over seeds and over the whole look-ahead.

    Attributes:
        open_loop, closed_loop: mean absolute error of `column`.
        open_end, closed_end: the same at the last step of an episode.
    """

    task: str
    variant: str
    samples: int
    seeds: int
    column: str
    open_loop: float
    closed_loop: float
    open_end: float
    closed_end: float


@dataclass(frozen=True)
class LookAheadResult:
    """What was found over the look-ahead, and the files that were written, by name."""

    means: Sequence[StageMean]
    failures: Sequence[Failure]
    files: dict[str, str]

    def plain(self) -> dict[str, Any]:
        failed = [{"run": f.plan.title, "message": f.message} for f in self.failures]
        found = [asdict(mean) for mean in self.means]
        return {"look_ahead": found, "failures": failed, "files": self.files}


def run_look_ahead(
    plans: Sequence[RunPlan], out: Path, processes: int, episodes: int, note: Callable[[str], None]
) -> LookAheadResult:
    """Learn what is not learned yet, then measure every stage of every run.

    Raises:
        ConfigError: an algorithm has no model, or `out` is no folder that can be written.
    """
    check_models(plans)
    make_out_folder(out)
    failures = Fleet(plans, out, processes, note).run()
    failed = {failure.plan.directory for failure in failures}
    errors: list[StageError] = []
    for plan in plans:
        if plan.directory not in failed:
            note(f"measuring the stages of {plan.title}")
            errors += measure_stages(plan, out, episodes)
    write_look_ahead(errors, out / LOOK_AHEAD_TABLE)
    draw_stages(errors, out / LOOK_AHEAD_PICTURE)
    files = {name: str(out / name) for name in (LOOK_AHEAD_TABLE, LOOK_AHEAD_PICTURE)}
    return LookAheadResult(stage_means(errors), failures, files)


def check_slope_tasks(tasks: Iterable[str]) -> None:
    """Make sure that slopes can be measured on each.

    Raises:
        ConfigError: a task is unknown, or there is no true step for it.
    """
    for task in tasks:
        check_task_name(task, "--slope-task")
        true_step(make_task(task))


def run_slopes(
    tasks: Iterable[str],
    seeds: Iterable[int],
    out: Path,
    sizes: SlopeSizes,
    note: Callable[[str], None],
) -> tuple[list[SlopeError], dict[str, str]]:
    """Measure derivatives on each task with each seed; returns the errors and the files.

    Raises:
        ConfigError: as of `check_slope_tasks`, or `out` is no folder that can be written.
    """
    make_out_folder(out)
    errors: list[SlopeError] = []
    pairs = [(task, seed) for seed in seeds for task in tasks]
    for task, seed in pairs:
        for error in measure_slopes(make_task(task), seed, sizes):
            errors.append(error)
            note(
                f"{task} seed {seed}, {error.rows} rows, {error.loss}: "
                f"prediction {error.prediction:.3g}, gradient {error.gradient:.3g}"
            )
    with (out / SLOPES_TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, SlopeError.__dataclass_fields__)
        writer.writeheader()
        writer.writerows(asdict(error) for error in errors)
    draw_slopes(errors, out / SLOPES_PICTURE)
    return errors, {name: str(out / name) for name in (SLOPES_TABLE, SLOPES_PICTURE)}


def stage_means(errors: Sequence[StageError]) -> list[StageMean]:
    """Means over seeds for each task, variant and stage."""
    groups: defaultdict[tuple[str, str, int, str], dict[str, list[tuple[float, ...]]]]
    groups = defaultdict(lambda: {"open": [], "closed": []})
    for error in errors:
        group = groups[error.task, error.variant, error.samples, error.column]
        group[error.mode].append(error.of_column)
    return [
        StageMean(
            task=task,
            variant=variant,
            samples=samples,
            seeds=len(modes["open"]),
            column=column,
            open_loop=_over_all(modes["open"]),
            closed_loop=_over_all(modes["closed"]),
            open_end=statistics.fmean(curve[-1] for curve in modes["open"]),
            closed_end=statistics.fmean(curve[-1] for curve in modes["closed"]),
        )
        for (task, variant, samples, column), modes in groups.items()
    ]


def write_look_ahead(errors: Sequence[StageError], path: Path) -> None:
    """One line per stage, mode and step."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        where = ("task", "variant", "seed", "samples", "mode")
        writer.writerow((*where, "step", "column", "column_error", "state_error"))
        for error in errors:
            for t, pair in enumerate(zip(error.of_column, error.of_state, strict=True), start=1):
                place = (getattr(error, name) for name in where)
                writer.writerow((*place, t, error.column, *(round(value, 6) for value in pair)))


def _over_all(curves: Sequence[Sequence[float]]) -> float:
    return statistics.fmean(statistics.fmean(curve) for curve in curves)
