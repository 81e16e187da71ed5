"""How far a change of the world throws a learner back, and after how many samples it is over."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from services.bench.curves.picture import metric_of
from services.bench.curves.table import Curve

RECOVERED = 0.9  # of what it had learned before, measured from its first evaluation


@dataclass(frozen=True)
class Recovery:
    """Means over the seeds of one algorithm; in success or return.

    Attributes:
        before: the last evaluation in the old world.
        lowest: the worst one in the new world up to recovery, or to the end.
        last: the last evaluation.
        recovered: how many of the seeds were as good as RECOVERED of `before` again.
        samples: after the change until then, the median over these; None where none was.
    """

    task: str
    variant: str
    kind: str
    metric: str
    before: float
    lowest: float
    last: float
    recovered: int
    seeds: int
    samples: float | None


@dataclass(frozen=True)
class _Seed:
    before: float
    lowest: float
    last: float
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
    success = metric_of(curve.task) == "success"
    values = [(p.samples, p.success if success else p.return_mean) for p in curve.points]
    old = [value for samples, value in values if samples <= at]
    new = [(samples, value) for samples, value in values if samples > at]
    if not old or not new:
        return None
    before, enough = old[-1], old[0] + RECOVERED * (old[-1] - old[0])
    again = next((samples for samples, value in new if value >= enough), None)
    fallen = [value for samples, value in new if again is None or samples <= again]
    return _Seed(before, min(fallen), new[-1][1], None if again is None else again - at)


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
        seeds=len(seeds),
        samples=statistics.median(again) if again else None,
    )
