"""The parts of the service process and how they know each other."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc.aio
from google.longrunning import operations_pb2_grpc

from hal.faults import Fault
from mbctl.config import ControllerConfig
from mbctl.data.layout import RowLayout
from protos import controller_pb2_grpc
from services.channel import open_aio_channel
from services.controller.batches import EpisodeOperations
from services.controller.episode_events import Event, summary_from_event
from services.controller.events import EpisodeLog
from services.controller.files import Files
from services.controller.lease import LeaseBook
from services.controller.link import ControlLauncher
from services.controller.patience import patience_of
from services.controller.planner.host import PlannerHost
from services.controller.planner.messages import PlannerTask
from services.controller.policy_feed import PolicyFeed
from services.controller.policy_source import PolicySource
from services.controller.port_sharing import PortSharing
from services.controller.report import StatusReport
from services.controller.row_pump import EPISODE_EVENTS
from services.controller.servicers.episode import EpisodeServicer
from services.controller.servicers.policy import PolicyServicer
from services.controller.servicers.robot import RobotServicer
from services.controller.servicers.safety import SafetyServicer
from services.controller.servo_reboots import ServoReboots
from services.controller.subscriber import Watched, build_subscribers
from services.controller.subscriptions import Subscriptions
from services.controller.supervisor import ControlSupervisor
from services.controller.tasks import BackgroundTasks
from services.controller.torque_off import torque_off_of
from services.controller.uplink import Uplink
from services.controller.view import ControlView
from services.errors import refusal
from services.operations import SERVICE_NAME, OperationsServicer, OperationStore
from services.server import Servicing

ROBOT_SERVICE = "mbctl.v1.RobotService"
SAFETY_SERVICE = "mbctl.v1.SafetyService"
EPISODE_SERVICE = "mbctl.v1.EpisodeService"
POLICY_SERVICE = "mbctl.v1.PolicyService"


@dataclass(frozen=True)
class Parts:
    """Everything that lives as long as the daemon."""

    files: Files
    view: ControlView
    supervisor: ControlSupervisor
    planner: PlannerHost
    lease: LeaseBook
    batches: EpisodeOperations
    operations: OperationStore
    background: BackgroundTasks
    policies: PolicySource
    feed: PolicyFeed | None
    uplink: Uplink | None
    robot: RobotServicer
    safety: SafetyServicer
    episodes: EpisodeServicer
    policy: PolicyServicer

    def works(self) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
        """What runs for ever in the background."""
        works = [self.policies.run, self.supervisor.reconnection.run, self.planner.run]
        works += [self.feed.run] if self.feed is not None else []
        works += [self.uplink.run] if self.uplink is not None else []
        return works


class _EventRouter:
    """Passes events of the control process on to the parts that they concern."""

    def __init__(
        self,
        view: ControlView,
        sharing: PortSharing,
        subscriptions: Subscriptions,
        batches: EpisodeOperations,
        policies: PolicySource,
    ) -> None:
        self._view = view
        self._subscriptions = subscriptions
        self._told: Fault | None = None
        self._sharing = sharing
        self._batches = batches
        self._policies = policies

    def take(self, event: Event) -> None:
        kind, fault = event["type"], self._view.control_fault
        if kind == "fault" and fault is not None:
            self._sharing.explain(fault)
        self._tell_fault()
        if kind in EPISODE_EVENTS:
            self._batches.take_event(event)
        elif kind == "gone" and fault is not None:
            self._batches.fail(refusal(fault.reason, fault.message))
        elif kind == "policy_refused":
            self._policies.refused_by_loop(event["reason"], event["message"])

    def _tell_fault(self) -> None:
        latched = self._view.fault
        if latched is not None and latched is not self._told:
            self._subscriptions.put(latched)
        self._told = latched


def build_parts(config: ControllerConfig, files: Files, stack: contextlib.AsyncExitStack) -> Parts:
    """Put everything together; call in the event loop."""
    subscriptions = _subscriptions(config, files)
    stack.push_async_callback(asyncio.to_thread, subscriptions.close)
    view, operations, episode_log = ControlView(), OperationStore(), EpisodeLog(subscriptions.put)
    background = BackgroundTasks()
    launcher = ControlLauncher(config, files.task, files.spool, subscriptions)
    joint_names = files.task.robot.joint_names
    torque_off = torque_off_of(config.robot)
    planner = _planner_host(config, files)
    supervisor = ControlSupervisor(
        launcher,
        view,
        joint_names,
        torque_off,
        planner,
        patience_of(config.clock),
    )
    lease = LeaseBook(supervisor.set_lease, time.monotonic_ns)
    summarise = partial(summary_from_event, robot=config.robot.name, task=files.task.name)
    next_index = partial(files.spool.next_index, config.robot.name)
    batches = EpisodeOperations(
        operations,
        episode_log,
        supervisor.perform,
        summarise,
        background,
        next_index,
        files.spool.expect,
    )
    policies, feed, uplink = _trainer_side(config, files, supervisor, launcher.layout, stack)
    router = _EventRouter(view, PortSharing(config.robot, view), subscriptions, batches, policies)
    supervisor.add_listener(router.take)
    report = StatusReport(
        config, files.task, view, lease, policies, files.spool, uplink, planner, subscriptions
    )
    return Parts(
        files=files,
        view=view,
        supervisor=supervisor,
        planner=planner,
        lease=lease,
        batches=batches,
        operations=operations,
        background=background,
        policies=policies,
        feed=feed,
        uplink=uplink,
        robot=RobotServicer(
            supervisor, lease, batches, report.build, ServoReboots(supervisor, view)
        ),
        safety=SafetyServicer(supervisor),
        episodes=EpisodeServicer(batches, episode_log, view, policies, files.spool, lease.check),
        policy=PolicyServicer(policies),
    )


def _subscriptions(config: ControllerConfig, files: Files) -> Subscriptions:
    robot = config.robot
    watched = Watched(robot.name, files.task.robot, robot.backend, files.task, config.run_dir)
    return Subscriptions(build_subscribers(config.subscribers, watched))


def _planner_host(config: ControllerConfig, files: Files) -> PlannerHost:
    told = PlannerTask(
        task=config.task, threads=config.planner_threads, device=config.planner_device
    )
    return PlannerHost(told, files.shelf.path, is_lockstep=config.clock == "lockstep")


def _trainer_side(
    config: ControllerConfig,
    files: Files,
    supervisor: ControlSupervisor,
    layout: RowLayout,
    stack: contextlib.AsyncExitStack,
) -> tuple[PolicySource, PolicyFeed | None, Uplink | None]:
    """What talks to the trainer, if there is to be one."""
    channel = _trainer_channel(config, stack)
    rng = random.Random()  # jitter of retries, no learning
    feed = PolicyFeed(channel, rng) if channel is not None else None
    put = supervisor.put_policy
    policies = PolicySource(files.shelf, files.choice_path, files.choice, feed, put)
    if channel is None or feed is None:
        return policies, None, None
    feed.on_change(policies.wake)
    return policies, feed, Uplink(files.spool, config.robot.name, layout, channel, rng)


def build_servicings(parts: Parts) -> list[Servicing]:
    """Every gRPC service of the controller."""
    add = controller_pb2_grpc
    return [
        Servicing(ROBOT_SERVICE, add.add_RobotServiceServicer_to_server, parts.robot),
        Servicing(SAFETY_SERVICE, add.add_SafetyServiceServicer_to_server, parts.safety),
        Servicing(EPISODE_SERVICE, add.add_EpisodeServiceServicer_to_server, parts.episodes),
        Servicing(POLICY_SERVICE, add.add_PolicyServiceServicer_to_server, parts.policy),
        Servicing(
            SERVICE_NAME,
            operations_pb2_grpc.add_OperationsServicer_to_server,
            OperationsServicer(parts.operations),
        ),
    ]


def _trainer_channel(
    config: ControllerConfig, stack: contextlib.AsyncExitStack
) -> grpc.aio.Channel | None:
    if not config.trainer:
        return None
    channel = open_aio_channel(config.trainer, config.trainer_tls)
    stack.push_async_callback(channel.close, None)
    return channel
