"""What one run of the control loop is told and what it tells; shared by both ways to run it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hal.lifecycle import Lifecycle
from hal.safety import GateLimits
from mbctl.config import LoopConfig, TaskConfig
from services.bench.learning import TASK
from services.controller.control.settings import ControlSettings
from services.ipc.row_message import RowMessage
from services.ipc.state_board import BoardRecord

PERIOD_S = 0.01
FOREVER_NS = 1 << 62
_EPISODES_MAX = 100_000
BATCH = {
    "operation": "bench",
    "count": _EPISODES_MAX,
    "purpose": "evaluate",
    "explore": True,
    "first_index": 0,
}


class LoopRun(BaseModel):
    """One run, measured.

    Attributes:
        rights: the real-time measures that took effect, by name.
        steps: of episodes that the lateness is of.
        overruns: steps that ended a period or more after their deadline.
        lateness_*_us: measurement after its deadline.
        own_*: the loop's own statistics over all its cycles, its start included.
        learner_cpu_share: of one core, what the learner got.
        lifecycle: at the end; a fault would have ended the episodes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rights: dict[str, bool]
    steps: int
    overruns: int
    lateness_p50_us: float
    lateness_p99_us: float
    lateness_p999_us: float
    lateness_max_us: float
    own_p99_us: float
    own_work_p50_us: float
    own_work_p99_us: float
    learner_cpu_share: float
    lifecycle: str


class ThreadOrder(BaseModel):
    """What the process with the loop in a thread is told, as one JSON line on stdin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    realtime: bool
    seconds: Annotated[float, Field(gt=0)]


def loop_settings(realtime: bool) -> ControlSettings:
    """100 Hz; limits that would stop a late loop are wide, because lateness is what we measure."""
    return ControlSettings(
        task=TaskConfig(name=TASK),
        clock="wall",
        period_s=PERIOD_S,
        gate=GateLimits(state_age_max_s=1.0),
        loop=LoopConfig(realtime=realtime, service_timeout_s=30.0, overruns_in_a_row_max=1_000_000),
    )


def summarise(
    record: BoardRecord, rows: Sequence[RowMessage], rights: dict[str, bool], share: float
) -> LoopRun:
    """A run from what the state board shows at its end and from the rows that it made."""
    loop = record.loop
    found = lateness_of(rows, round(PERIOD_S * 1e9), loop.lateness_p50_us)
    return LoopRun(
        rights=rights,
        steps=len(found.us),
        overruns=found.overruns,
        lateness_p50_us=found.percentile(50),
        lateness_p99_us=found.percentile(99),
        lateness_p999_us=found.percentile(99.9),
        lateness_max_us=found.percentile(100),
        own_p99_us=loop.lateness_p99_us,
        own_work_p50_us=loop.work_p50_us,
        own_work_p99_us=loop.work_p99_us,
        learner_cpu_share=share,
        lifecycle=Lifecycle(record.lifecycle).name,
    )


@dataclass(frozen=True)
class Lateness:
    """Of consecutive steps within episodes.

    Attributes:
        us: measurement after its deadline, microseconds.
        overruns: cycles whose command left a period or more after their deadline.
    """

    us: NDArray[np.float64]
    overruns: int

    def percentile(self, q: float) -> float:
        return float(np.percentile(self.us, q))


def lateness_of(rows: Sequence[RowMessage], period_ns: int, median_us: float) -> Lateness:
    """Hold each measurement against its deadline, the first on the grid after the last command.

    The loop skips deadlines that pass while it works, so that is the one it waited for.

    Args:
        rows: oldest first.
        median_us: the loop's own median lateness, which fixes where its grid lies: a median does
            not mind a late first cycle.

    Raises:
        ValueError: there are no two consecutive steps.
    """
    observed = np.array([row.observation_ns for row in rows], dtype=np.int64)
    commanded = np.array([row.command_ns for row in rows], dtype=np.int64)
    follows = np.array(
        [b.step == a.step + 1 and b.episode_id == a.episode_id for a, b in pairwise(rows)],
        dtype=bool,
    )
    if not follows.any():
        raise ValueError(f"no two consecutive steps in {len(rows)} rows")
    grid = _grid_point(observed, period_ns, median_us)
    behind = -((commanded[:-1] - grid) // -period_ns)  # rounded up
    deadline = (grid + behind * period_ns)[follows]
    late_ns = observed[1:][follows] - deadline
    done_ns = commanded[1:][follows] - deadline
    return Lateness(late_ns / 1e3, int((done_ns >= period_ns).sum()))


def _grid_point(observed: NDArray[np.int64], period_ns: int, median_us: float) -> int:
    """A deadline: where most measurements lie within the period, less their median lateness."""
    first, half = int(observed[0]), period_ns // 2
    offset = (observed - first + half) % period_ns - half
    return first + int(np.median(offset)) - round(median_us * 1e3)
