"""What one run of the control loop is told and what it tells; shared by both ways to run it."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hal.lifecycle import Lifecycle
from hal.safety import GateLimits
from mbctl.config import LoopConfig, TaskConfig
from services.bench.lateness import lateness_of
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
