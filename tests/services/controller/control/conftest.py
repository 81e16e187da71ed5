"""A robot that does what it is told, and a loop around it that tests drive cycle by cycle."""

import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.errors import CommandError, HalError, RobotReadError, RobotWriteError
from hal.health import NO_HEALTH, RobotHealth
from hal.robot import ResetProgress, Robot
from hal.robots.dclaw import DCLAW
from hal.types import ResetTarget, RobotState, Vector
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.snapshot import Snapshot, build_snapshot, expected_shapes, pack_snapshot
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from services.controller.control.settings import ControlSettings
from services.controller.control.wiring import build_link, build_loop
from services.ipc.byte_ring import ByteRing
from services.ipc.cycle_stream import CycleStream
from services.ipc.policy_slot import PolicySlot
from services.ipc.row_message import RowMessage, decode_row
from services.ipc.segment import SegmentSizes, SharedSegment
from services.ipc.state_board import BoardRecord, StateBoard
from services.ipc.words import SignalWords, Word

FOREVER = 1 << 62
TASK_NAME = "dclaw-turn-random"


class ObedientRobot(Robot):
    """Each joint is where it was last sent; faults come on request."""

    def __init__(self, clock: ManualClock, reset_periods: int = 1) -> None:
        super().__init__(DCLAW, "obedient", "none")
        self.clock = clock
        self.position = np.array(DCLAW.home_position_rad)
        self.valve = 0.0
        self.torque = False
        self.reads = 0
        self.writes: list[Vector] = []
        self.torque_offs = 0
        self.reset_periods = reset_periods
        self.resets = 0
        self.invalid: set[int] = set()  # reads in which joint 0 is invalid
        self.fail_read = self.fail_write = False
        self.unconfirmed: tuple[str, ...] = ()
        self.read_takes_ns = 0
        self.wants_tending_s: float | None = None
        self.tends: list[int] = []  # when
        self.fail_tend = ""  # with this reason
        self.told_health = NO_HEALTH
        self.reboots: list[str] = []
        self.explained: HalError | None = None

    @property
    def tend_period_s(self) -> float | None:
        return self.wants_tending_s

    def _tend(self) -> None:
        self.tends.append(self.clock.now_ns())
        if self.fail_tend:
            raise RobotReadError("found while tending", reason=self.fail_tend)

    def health(self) -> RobotHealth:
        return self.told_health

    def explanation(self) -> HalError | None:
        return self.explained

    def reboot_servo(self, name: str) -> None:
        if name not in DCLAW.joint_names:
            raise CommandError(f"no servo moves {name!r}", reason="UNKNOWN_JOINT")
        self.reboots.append(name)

    def _configure(self) -> None: ...

    def _read(self) -> RobotState:
        self.reads += 1
        self.clock.advance(self.read_takes_ns)
        if self.fail_read:
            raise RobotReadError("nothing answers")
        unknown = np.full(9, np.nan)
        valid = np.ones(9, dtype=np.bool_)
        valid[0] = self.reads not in self.invalid
        return RobotState(
            self.clock.now_ns(), self.reads, self.position.copy(), np.zeros(9), unknown, unknown,
            np.array([self.valve]), np.zeros(1), valid,
        )  # fmt: skip

    def _activate(self) -> None:
        self.torque = True

    def _write(self, position_rad: Vector) -> Vector:
        if self.fail_write:
            raise RobotWriteError("nothing takes it")
        self.writes.append(position_rad.copy())
        self.position = position_rad.copy()
        self.valve += 0.01
        return position_rad

    def _deactivate(self) -> tuple[str, ...]:
        self.torque = False
        self.torque_offs += 1
        return self.unconfirmed

    def _reset(self, target: ResetTarget) -> ResetProgress:
        self.resets += 1
        if self.resets % self.reset_periods:
            return ResetProgress.RUNNING
        self.position = target.joint_position_rad.copy()
        self.valve = float(target.object_position_rad[0])
        return ResetProgress.DONE

    def _close(self) -> None: ...


class Rig:
    """A loop in this process, with the service's end of its shared memory."""

    def __init__(
        self,
        segment: SharedSegment,
        settings: ControlSettings,
        reset_periods: int,
        tend_period_s: float | None,
        wake_fd: int | None,
    ):
        self.task = make_task(TASK_NAME)
        self.clock = ManualClock()
        self.robot = ObedientRobot(self.clock, reset_periods)
        self.robot.wants_tending_s = tend_period_s
        self.robot.configure()
        self.words = SignalWords(segment.words)
        self.words.set(Word.SERVICE_HEARTBEAT_NS, FOREVER)
        self.words.set(Word.LEASE_DEADLINE_NS, FOREVER)
        self.slot = PolicySlot(segment.policy)
        self.board_end = StateBoard(segment.board)
        self.commands, self.event_ring = ByteRing(segment.commands), ByteRing(segment.events)
        self.row_ring = ByteRing(segment.rows)
        self.cycles = CycleStream(segment.cycles)
        link = build_link(segment, settings, self.task, wake_fd)
        self.suspended_ns = 0  # so long the machine slept
        self.loop = build_loop(settings, self.task, self.robot, self.clock, link, self.boot_ns)
        self.events: list[dict] = []
        self.rows: list[RowMessage] = []
        self.take_rows = True
        self.sent = 0

    def boot_ns(self) -> int:
        return self.clock.now_ns() + self.suspended_ns

    def cycle(self, count: int = 1) -> None:
        for _ in range(count):
            self.loop._cycle()
            self.drain()

    def drain(self) -> None:
        self.events += [json.loads(data) for data in self.event_ring.drain()]
        if self.take_rows:
            self.rows += [decode_row(data) for data in self.row_ring.drain()]

    def cycle_until(self, condition: Callable[[], bool], limit: int = 3000) -> None:
        for _ in range(limit):
            if condition():
                return
            self.cycle()
        raise AssertionError(f"not reached in {limit} cycles; last events {self.events[-5:]}")

    def send(self, verb: str, **arguments) -> str:
        self.sent += 1
        message = {"id": f"c{self.sent}", "verb": verb, **arguments}
        assert self.commands.try_push(json.dumps(message).encode())
        return f"c{self.sent}"

    def call(self, verb: str, **arguments) -> dict:
        command_id = self.send(verb, **arguments)
        self.cycle_until(lambda: any(e.get("id") == command_id for e in self.events))
        return next(e for e in self.events if e.get("id") == command_id)

    def run_episodes(self, count: int = 1, **changed) -> dict:
        arguments = {"operation": "op", "count": count, "purpose": "train", "explore": True}
        return self.call("run_episodes", **{**arguments, "first_index": 0, **changed})

    def finish(self) -> dict:
        self.cycle_until(lambda: bool(self.of_type("episodes_done")))
        return self.of_type("episodes_done")[-1]

    def of_type(self, kind: str) -> list[dict]:
        return [event for event in self.events if event["type"] == kind]

    def board(self) -> BoardRecord:
        record = self.board_end.read()
        assert record is not None
        return record

    @property
    def lifecycle(self) -> int:
        return int(self.loop._machine.lifecycle)


@pytest.fixture(scope="session")
def task() -> Task:
    return make_task(TASK_NAME)


@pytest.fixture(scope="session")
def make_snapshot(task: Task) -> Callable[..., Snapshot]:
    def make(version: int = 1, *, finite: bool = True, **manifest) -> Snapshot:
        rng = np.random.default_rng(version)
        architecture = PolicyArchitecture(hidden=(16, 16))
        shapes = expected_shapes(
            architecture, len(task.observation_names), len(task.robot.joint_names)
        )
        weights = {n: rng.normal(0, 0.2, s).astype(np.float32) for n, s in shapes.items()}
        weights["input_scale"] = np.ones_like(weights["input_scale"])
        if not finite:  # finite weights whose output overflows
            weights["layers.1.bias"][:] = 100.0
            weights["layers.2.weight"][:] = 3e38
        return build_snapshot(
            task, weights, version=version, algorithm="pal", architecture=architecture, **manifest
        )

    return make


@pytest.fixture
def make_rig(make_snapshot) -> Iterator[Callable[..., Rig]]:
    segments: list[SharedSegment] = []

    def make(
        clock: str = "wall",
        *,
        rows: int = 1 << 20,
        cycles: int = 1 << 20,
        reset_periods: int = 1,
        tend_period_s: float | None = None,
        wake_fd: int | None = None,
        policy=True,
        **settings,
    ) -> Rig:
        segment = SharedSegment.create(SegmentSizes(rows=rows, cycles=cycles))
        segments.append(segment)
        told = ControlSettings.model_validate(
            {"task": {"name": TASK_NAME}, "clock": clock, **settings}
        )
        rig = Rig(segment, told, reset_periods, tend_period_s, wake_fd)
        if policy:
            rig.slot.publish(pack_snapshot(make_snapshot(1)))
        return rig

    yield make
    for segment in segments:
        segment.close()
