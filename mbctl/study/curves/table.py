"""What all runs found, as tables: each point, means over seeds, and samples to thresholds."""

import csv
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mbctl.study.curves.plan import RunPlan
from mbctl.study.curves.points import NAMES, Point, read_points
from mbctl.study.curves.readings import Threshold
from mbctl.study.curves.run_files import POINTS_FILE


@dataclass(frozen=True)
class Curve:
    """One run's evaluations, in order; the one of most episodes where a sample has several."""

    task: str
    variant: str
    algorithm: str
    seed: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Mean:
    """A task and variant at a number of samples, over all of its seeds that have begun.

    Attributes:
        success, return_mean: means over seeds.
        success_std, return_std: standard deviations between seeds; 0 for one seed.
    """

    task: str
    variant: str
    samples: int
    seeds: int
    success: float
    success_std: float
    return_mean: float
    return_std: float
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Reached:
    """Samples at the first evaluation that was as good as a threshold.

    Attributes:
        reached: how many of the seeds did.
        median, least, most: samples, over those seeds; None where none did.
    """

    task: str
    variant: str
    metric: str
    threshold: float
    reached: int
    seeds: int
    median: float | None
    least: int | None
    most: int | None


def read_curve(out: Path, plan: RunPlan) -> Curve:
    """The curve of a run as far as it has come.

    Raises:
        RunFilesError: it does not read.
    """
    best: dict[int, Point] = {}
    for point in read_points(out / plan.directory / POINTS_FILE):
        old = best.get(point.samples)
        if old is None or point.evaluation_episodes >= old.evaluation_episodes:
            best[point.samples] = point
    identity = plan.identity
    points = tuple(best[samples] for samples in sorted(best))
    return Curve(identity.task, plan.variant, identity.algorithm, identity.seed, points)


def means(curves: Iterable[Curve]) -> list[Mean]:
    """Means over seeds, in the order of the curves and then of samples.

    Only at samples where every seed was looked at: a mean whose seeds change from one sample to the
    next shows who is in it, not what is learned.
    """
    groups: defaultdict[tuple[str, str], list[dict[int, Point]]] = defaultdict(list)
    for curve in curves:
        if curve.points:
            groups[curve.task, curve.variant].append({p.samples: p for p in curve.points})
    return [
        _mean(task, variant, [seed[samples] for seed in seeds])
        for (task, variant), seeds in groups.items()
        for samples in sorted(set.intersection(*(set(seed) for seed in seeds)))
    ]


def _mean(task: str, variant: str, points: list[Point]) -> Mean:
    success = [point.success for point in points]
    returns = [point.return_mean for point in points]
    several = len(points) > 1
    return Mean(
        task=task,
        variant=variant,
        samples=points[0].samples,
        seeds=len(points),
        success=statistics.fmean(success),
        success_std=statistics.stdev(success) if several else 0.0,
        return_mean=statistics.fmean(returns),
        return_std=statistics.stdev(returns) if several else 0.0,
        wall_s=statistics.fmean(point.wall_s for point in points),
        cpu_s=statistics.fmean(point.cpu_s for point in points),
    )


def samples_to(curves: Sequence[Curve], thresholds: Sequence[Threshold]) -> list[Reached]:
    """For each task and variant, and each of the task's thresholds."""
    groups: defaultdict[tuple[str, str], list[Curve]] = defaultdict(list)
    for curve in curves:
        groups[curve.task, curve.variant].append(curve)
    return [
        _reached(task, variant, group, threshold)
        for (task, variant), group in groups.items()
        for threshold in thresholds
        if threshold.task == task
    ]


def _reached(task: str, variant: str, group: list[Curve], threshold: Threshold) -> Reached:
    firsts = [_first(curve, threshold) for curve in group]
    found = [samples for samples in firsts if samples is not None]
    return Reached(
        task=task,
        variant=variant,
        metric=threshold.metric,
        threshold=threshold.value,
        reached=len(found),
        seeds=len(group),
        median=statistics.median(found) if found else None,
        least=min(found, default=None),
        most=max(found, default=None),
    )


def _first(curve: Curve, threshold: Threshold) -> int | None:
    for point in curve.points:
        value = point.success if threshold.metric == "success" else point.return_mean
        if value >= threshold.value:
            return point.samples
    return None


def write_points_table(curves: Iterable[Curve], path: Path) -> None:
    """Every point of every run as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("task", "variant", "seed", *NAMES))
        for curve in curves:
            for point in curve.points:
                values = (_rounded(value) for value in point.model_dump().values())
                writer.writerow((curve.task, curve.variant, curve.seed, *values))


def write_records(records: Sequence[Any], kind: Any, path: Path) -> None:
    """Instances of the dataclass `kind` as CSV; the heading is there without any, too."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(kind.__dataclass_fields__)
        for record in records:
            writer.writerow([_rounded(value) for value in asdict(record).values()])


def _rounded(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value
