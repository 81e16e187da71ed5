"""`mbctl bench shift`: learners whose world changes half-way (Rajeswaran et al. 2020, figure 4).

How far the change throws a learner back, and after how many samples that is over.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mbctl.study.curves.picture import metric_of
from mbctl.study.curves.plan import RunPlan
from mbctl.study.curves.points import Point
from mbctl.study.curves.study import CurvesResult, run_curves
from mbctl.study.curves.table import Curve, read_curve, write_records

TABLE = "recovery.csv"
RECOVERED = 0.9  # of what it had learned before, measured from its first evaluation
LEARNED = 2.0  # standard errors between first evaluation and last one before the change


@dataclass(frozen=True)
class Recovery:
    """Means over the seeds of one algorithm; in success or return.

    Attributes:
        before: the last evaluation in the old world.
        lowest: the worst one in the new world up to recovery, or to the end.
        last: the last evaluation.
        recovered: how many of the seeds were as good as RECOVERED of `before` again. A seed that
            had not learned before, by LEARNED standard errors, has nothing that it could recover.
        learned: how many had.
        samples: after the change until then, the median over the recovered; None where none was.
    """

    task: str
    variant: str
    kind: str
    metric: str
    before: float
    lowest: float
    last: float
    recovered: int
    learned: int
    seeds: int
    samples: float | None


@dataclass(frozen=True)
class ShiftResult:
    """What `run_curves` found, and how fast learners recovered."""

    recoveries: Sequence[Recovery]
    curves: CurvesResult

    def plain(self) -> dict[str, Any]:
        curves = self.curves.plain()
        return {"recoveries": [asdict(found) for found in self.recoveries], **curves}


def run_shift(
    plans: Sequence[RunPlan], out: Path, processes: int, note: Callable[[str], None]
) -> list[ShiftResult]:
    """One result for each kind of change; each has a folder of its own under `out`.

    Raises:
        RunFilesError: what lies under `out` is not this.
    """
    results: list[ShiftResult] = []
    for kind in dict.fromkeys(_kind(plan) for plan in plans):
        of_kind, folder = [plan for plan in plans if _kind(plan) == kind], out / kind
        curves = run_curves(of_kind, folder, processes, note)
        results.append(_result(of_kind, folder, curves))
    return results


def _result(plans: Sequence[RunPlan], folder: Path, curves: CurvesResult) -> ShiftResult:
    shift = plans[0].identity.shift
    assert shift is not None
    found = recoveries([read_curve(folder, plan) for plan in plans], shift.kind, shift.at)
    write_records(found, Recovery, folder / TABLE)
    curves.files[TABLE] = str(folder / TABLE)
    return ShiftResult(found, curves)


def _kind(plan: RunPlan) -> str:
    shift = plan.identity.shift
    assert shift is not None
    return shift.kind


@dataclass(frozen=True)
class _Seed:
    before: float
    lowest: float
    last: float
    learned: bool
    samples: int | None


def recoveries(curves: Sequence[Curve], kind: str, at: int) -> list[Recovery]:
    """One for each task and variant; curves that have not come past the change are left out."""
    groups: defaultdict[tuple[str, str], list[_Seed]] = defaultdict(list)
    for curve in curves:
        found = _of_seed(curve, at)
        if found is not None:
            groups[curve.task, curve.variant].append(found)
    return [_mean(task, variant, kind, seeds) for (task, variant), seeds in groups.items()]


def _of_seed(curve: Curve, at: int) -> _Seed | None:
    measured = _success if metric_of(curve.task) == "success" else _return
    old = [measured(point) for point in curve.points if point.samples <= at]
    new = [(p.samples, measured(p)[0]) for p in curve.points if p.samples > at]
    if not old or not new:
        return None
    (first, first_variance), (before, variance) = old[0], old[-1]
    learned = before - first > LEARNED * math.sqrt(first_variance + variance)
    enough = first + RECOVERED * (before - first)
    again = next((samples for samples, value in new if learned and value >= enough), None)
    fallen = [value for samples, value in new if again is None or samples <= again]
    after = None if again is None else again - at
    return _Seed(before, min(fallen), new[-1][1], learned, after)


def _success(point: Point) -> tuple[float, float]:
    """A success rate and its variance, with one success and one failure more than there were: none
    of a few episodes does not say that the rate is 0 (Agresti and Caffo 2000)."""
    n = point.evaluation_episodes + 2
    rate = (point.success * point.evaluation_episodes + 1) / n
    return point.success, rate * (1 - rate) / n


def _return(point: Point) -> tuple[float, float]:
    return point.return_mean, point.return_std**2 / point.evaluation_episodes


def _mean(task: str, variant: str, kind: str, seeds: list[_Seed]) -> Recovery:
    again = [seed.samples for seed in seeds if seed.samples is not None]
    return Recovery(
        task=task,
        variant=variant,
        kind=kind,
        metric=metric_of(task),
        before=statistics.fmean(seed.before for seed in seeds),
        lowest=statistics.fmean(seed.lowest for seed in seeds),
        last=statistics.fmean(seed.last for seed in seeds),
        recovered=len(again),
        learned=sum(seed.learned for seed in seeds),
        seeds=len(seeds),
        samples=statistics.median(again) if again else None,
    )
