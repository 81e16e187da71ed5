"""`mbctl bench shift`: learners whose world changes half-way (Rajeswaran et al. 2020, figure 4)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.bench.curves.bench import CurvesResult, run_curves
from services.bench.curves.fleet import Say
from services.bench.curves.plan import RunPlan
from services.bench.curves.shift_table import Recovery, recoveries
from services.bench.curves.table import read_curve, write_records

TABLE = "recovery.csv"


@dataclass(frozen=True)
class ShiftResult:
    """What `run_curves` found, and how fast learners recovered."""

    recoveries: Sequence[Recovery]
    curves: CurvesResult

    def plain(self) -> dict[str, Any]:
        curves = self.curves.plain()
        return {"recoveries": [asdict(found) for found in self.recoveries], **curves}


def run_shift(plans: Sequence[RunPlan], out: Path, processes: int, say: Say) -> list[ShiftResult]:
    """One result for each kind of change; each has a folder of its own under `out`.

    Raises:
        RunFilesError: what lies under `out` is not this.
    """
    results: list[ShiftResult] = []
    for kind in dict.fromkeys(_kind(plan) for plan in plans):
        of_kind, folder = [plan for plan in plans if _kind(plan) == kind], out / kind
        curves = run_curves(of_kind, folder, processes, say)
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
