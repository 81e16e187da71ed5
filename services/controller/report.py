"""Puts the status together from the parts that know it."""

import time
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from hal.lifecycle import Lifecycle
from mbctl.config import ControllerConfig
from mbctl.policies.manifest import row_layout
from mbctl.tasks.task import Task
from protos import controller_pb2
from services import wire
from services.controller import status
from services.controller.lease import LeaseBook
from services.controller.planner.host import PlannerHost, PlannerState
from services.controller.policy_source import PolicySource
from services.controller.spool import Spool
from services.controller.subscriptions import Subscriptions
from services.controller.uplink import Uplink
from services.controller.view import ControlView
from services.ipc.state_board import PlannerOnBoard


class StatusReport:
    """Builds GetStatusResponse; cheap enough for every call."""

    def __init__(
        self,
        config: ControllerConfig,
        task: Task,
        view: ControlView,
        lease: LeaseBook,
        policies: PolicySource,
        spool: Spool,
        uplink: Uplink | None,
        planner: PlannerHost,
        subscriptions: Subscriptions,
    ) -> None:
        self._config = config
        self._task = task
        self._layout = wire.layout_to_proto(row_layout(task))
        self._view = view
        self._lease = lease
        self._policies = policies
        self._spool = spool
        self._uplink = uplink
        self._planner = planner
        self._subscriptions = subscriptions

    def build(self) -> controller_pb2.GetStatusResponse:
        """The state as of now."""
        view, config = self._view, self._config
        answer = controller_pb2.GetStatusResponse(
            robot=config.robot.name,
            model=config.robot.model,
            task=self._task.name,
            backend=config.robot.backend,
            lifecycle=int(view.lifecycle),  # pyright: ignore[reportArgumentType]  # same numbers
            policy=self._policy(),
            spool=self._spool_status(),
            layout=self._layout,
            real_time=status.real_time_to_proto(view.real_time),
            clock=config.clock,
            wall_time=wire.timestamp_from_ns(time.time_ns()),
            monotonic_ns=time.monotonic_ns(),
            boot_id=view.boot_id,
            health=status.health_to_proto(view.health),
        )
        if view.unreachable is not None:
            reason, message = view.unreachable.reason, view.unreachable.message
            answer.connection_error = f"{reason}: {message}"
        board = view.read_board()
        if board is not None:
            status.add_board(answer, board, self._task.robot)
            add_planner(answer, self._planner.state(), board.planner)
        answer.health.warnings.extend(self._subscriptions.warnings())
        fault = view.fault
        latched = view.lifecycle in (Lifecycle.FAULT, Lifecycle.E_STOPPED)
        if fault is not None and (latched or view.is_stop_awaited):
            answer.fault.CopyFrom(status.fault_to_proto(fault))
        lease = self._lease.current
        if lease is not None:
            answer.lease.CopyFrom(status.lease_to_proto(lease, with_token=False))
        return answer

    def _policy(self) -> controller_pb2.PolicyStatus:
        board = self._view.read_board()
        return controller_pb2.PolicyStatus(
            version=board.policy_version if board is not None and self._view.alive else 0,
            newest_version=self._policies.newest,
            promoted_version=self._policies.promoted,
            follow=self._policies.follow,
            last_refusal=self._policies.last_refusal,
        )

    def _spool_status(self) -> controller_pb2.SpoolStatus:
        error = self._uplink.error if self._uplink is not None else ""
        spool, robot = self._spool, self._config.robot.name
        next_indices = {p: spool.next_index(robot, p) for p in ("train", "evaluate")}
        return status.spool_to_proto(spool.counts(), error, spool.continuity, next_indices)


LATE_RATE_WARNED = 0.2
STEPS_WARNED = 20  # fewer tell nothing of a rate


def add_planner(
    status: controller_pb2.GetStatusResponse, state: PlannerState, plans: PlannerOnBoard
) -> None:
    """Fill in `planner`, and add its warnings to those of the robot's health."""
    if not (state.is_wanted or plans.planned):
        return
    status.planner.CopyFrom(
        controller_pb2.PlannerStatus(
            alive=state.is_alive,
            policy_version=state.version,
            steps=plans.steps,
            late_steps=plans.late,
            fallback_steps=plans.fallbacks,
            late_rate=plans.late_rate,
            plan_age_s=plans.age_s,
            planning_s=plans.took_s,
            value=plans.value,
            disagreement=plans.disagreement,
            restarts=state.restarts,
            error=state.error or plans.error,
        )
    )
    status.health.warnings.extend(_warnings(state, plans))


def _warnings(state: PlannerState, plans: PlannerOnBoard) -> Iterator[str]:
    if state.error and not state.is_alive:
        yield f"PLANNER_GONE: {state.error}; the policy acts alone, it is started again by itself"
    elif plans.error:
        yield f"NO_PLAN: {plans.error}"
    if plans.steps >= STEPS_WARNED and plans.late_rate > LATE_RATE_WARNED:
        yield (
            f"PLANS_LATE: {100 * plans.late_rate:.0f} % of the last plans came late; a smaller "
            "population or horizon, or fewer iterations, plan faster"
        )


_SPOOL = ("chunks", "rows", "bytes", "quota_bytes", "rows_written", "rows_acknowledged")
_LOOP = ("cycles", "overruns", "lateness_p50_us", "lateness_p99_us", "lateness_max_us")


class ControllerCollector(Collector):
    """One gauge per number, `mbctl_controller_...`."""

    def __init__(self, view: ControlView, spool: Spool) -> None:
        self._view = view
        self._spool = spool

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("lifecycle", float(self._view.lifecycle))
        counts = self._spool.counts()
        for name in _SPOOL:
            yield _gauge(f"spool_{name}", getattr(counts, name))
        yield _gauge("spool_blocked", float(bool(counts.error)))
        yield _gauge("trainer_connected", float(counts.trainer_connected))
        board = self._view.read_board()
        if board is not None:
            yield _gauge("policy_version", board.policy_version)
            for name in _LOOP:
                yield _gauge(f"loop_{name}", getattr(board.loop, name))


def _gauge(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"mbctl_controller_{name}", name.replace("_", " "), value=value)
