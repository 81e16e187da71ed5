"""What the control process shows of itself: read by status calls, never waited for."""

import json
import struct
from dataclasses import asdict, dataclass, field

from hal.types import RobotState
from services.ipc.latest_value import LatestValue
from services.ipc.packed_state import pack_state, unpack_state

_NUMBERS = struct.Struct("<6q")
_TAIL = ("episode", "loop", "planner")


@dataclass(frozen=True, slots=True)
class EpisodeOnBoard:
    """The running batch of episodes; empty strings when none is."""

    operation: str = ""
    episode_id: str = ""
    finished: int = 0
    requested: int = 0


@dataclass(frozen=True, slots=True)
class LoopOnBoard:
    """Loop statistics over the last window of cycles; see hal.clock.TimingSummary."""

    cycles: int = 0
    overruns: int = 0
    period_s: float = 0.0
    lateness_p50_us: float = 0.0
    lateness_p99_us: float = 0.0
    lateness_p999_us: float = 0.0
    lateness_max_us: float = 0.0
    work_p50_us: float = 0.0
    work_p99_us: float = 0.0
    work_max_us: float = 0.0


@dataclass(frozen=True, slots=True)
class PlannerOnBoard:
    """How the plans of the policy in use come; zeros when it has no planner.

    Attributes:
        planned: whether the policy in use has a planner.
        steps: control steps that wanted a plan.
        late: of these, those for which the plan made for them was not there.
        fallbacks: of these, those at which the policy acted.
        late_rate: share that was late of the last steps, see control.plan_record.
        age_s: between the question for the plan followed last and its use.
        took_s: how long that plan took to make.
        value, disagreement: of that plan in the model.
        error: why the newest plan could not be made.
    """

    planned: bool = False
    steps: int = 0
    late: int = 0
    fallbacks: int = 0
    late_rate: float = 0.0
    age_s: float = 0.0
    took_s: float = 0.0
    value: float = 0.0
    disagreement: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class BoardRecord:
    """One consistent view of the control process.

    Attributes:
        lifecycle: number of hal.lifecycle.Lifecycle.
        cycle: control cycles so far.
        published_ns: CLOCK_MONOTONIC when it was published.
        policy_version: in use; 0 when none is.
        step: of the running episode.
        rows_total: rows put in the ring so far.
        state: the last measurement; None before the first.
    """

    lifecycle: int
    cycle: int
    published_ns: int
    policy_version: int
    step: int
    rows_total: int
    state: RobotState | None
    episode: EpisodeOnBoard = field(default_factory=EpisodeOnBoard)
    loop: LoopOnBoard = field(default_factory=LoopOnBoard)
    planner: PlannerOnBoard = field(default_factory=PlannerOnBoard)


class StateBoard:
    """The newest BoardRecord; the control process writes, the service process reads."""

    def __init__(self, memory: memoryview) -> None:
        self._latest = LatestValue(memory)
        self._tail_of: tuple[EpisodeOnBoard, LoopOnBoard, PlannerOnBoard] | None = None
        self._tail = b""

    def publish(self, record: BoardRecord) -> None:
        """Show a record."""
        numbers = _NUMBERS.pack(
            record.lifecycle,
            record.cycle,
            record.published_ns,
            record.policy_version,
            record.step,
            record.rows_total,
        )
        self._latest.publish(numbers + pack_state(record.state) + self._tail_bytes(record))

    def read(self) -> BoardRecord | None:
        """The newest record; None before the first.

        Raises:
            ValueUnreadableError: the memory was overwritten.
        """
        found = self._latest.read()
        if found is None:
            return None
        data = found[1]
        lifecycle, cycle, published_ns, version, step, rows_total = _NUMBERS.unpack_from(data)
        state, split = unpack_state(data, _NUMBERS.size)
        tail = json.loads(data[split:])
        return BoardRecord(
            lifecycle,
            cycle,
            published_ns,
            version,
            step,
            rows_total,
            state,
            EpisodeOnBoard(**tail["episode"]),
            LoopOnBoard(**tail["loop"]),
            PlannerOnBoard(**tail["planner"]),
        )

    def _tail_bytes(self, record: BoardRecord) -> bytes:
        # Text changes a few times an episode, with a planner each step: encoded when it does.
        shown = (record.episode, record.loop, record.planner)
        if self._tail_of != shown:
            self._tail_of = shown
            parts = {name: asdict(part) for name, part in zip(_TAIL, shown, strict=True)}
            self._tail = json.dumps(parts).encode()
        return self._tail
