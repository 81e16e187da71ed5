"""What a benchmark found: figures that carry their baseline, so that no number stands alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from services.bench.host import Host

RatioIs = Literal["baseline / value", "value / baseline"]
Say = Callable[[str], None]  # told what is being measured


@dataclass(frozen=True)
class Goal:
    """Where a ratio ought to be."""

    kind: Literal["at least", "at most"]
    bound: float

    def is_reached(self, ratio: float) -> bool:
        return ratio >= self.bound if self.kind == "at least" else ratio <= self.bound


@dataclass(frozen=True)
class Figure:
    """One measured value and the one it is held against.

    Attributes:
        unit: of value and baseline.
        ratio_is: which way round the ratio is taken; times are baseline / value, so that a larger
            ratio is faster.
    """

    name: str
    value: float
    unit: str
    baseline_name: str
    baseline: float
    ratio_is: RatioIs = "baseline / value"
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """None where it would divide by zero."""
        over, under = self.baseline, self.value
        if self.ratio_is == "value / baseline":
            over, under = under, over
        return over / under if under else None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is; None when there is no goal or no ratio."""
        ratio = self.ratio
        return None if self.goal is None or ratio is None else self.goal.is_reached(ratio)

    def plain(self) -> dict[str, Any]:
        goal = None if self.goal is None else {self.goal.kind.replace(" ", "_"): self.goal.bound}
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "baseline_name": self.baseline_name,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "ratio_is": self.ratio_is,
            "goal": goal,
            "reached": self.reached,
        }


@dataclass(frozen=True)
class Report:
    """One run of one benchmark.

    Attributes:
        yardstick_gflops: the matrix product in the same run; see services.bench.yardstick.
        before, after: the machine around the run, other people's load included.
        notes: how it was measured.
        details: everything else worth keeping, by name.
    """

    benchmark: str
    quick: bool
    figures: Sequence[Figure]
    yardstick_gflops: float
    before: Host
    after: Host
    notes: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark,
            "quick": self.quick,
            "figures": [figure.plain() for figure in self.figures],
            "yardstick_gflops": self.yardstick_gflops,
            "machine": self.before.plain(),
            "load_average_before": self.before.load_average,
            "load_average_after": self.after.load_average,
            "cores_used_by_others": self.before.cores_used_by_others(self.after),
            "notes": list(self.notes),
            "details": dict(self.details),
        }
