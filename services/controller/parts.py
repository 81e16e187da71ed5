"""The parts of the service process and how they know each other."""

import contextlib
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.longrunning import operations_pb2_grpc

from mbctl.config import ControllerConfig
from protos import controller_pb2_grpc
from services.channel import open_aio_channel
from services.controller.batches import EpisodeBatches
from services.controller.episode_events import Event, summary_from_event
from services.controller.events import EpisodeLog
from services.controller.files import Files
from services.controller.lease import LeaseBook
from services.controller.link import ControlLauncher
from services.controller.policy_feed import PolicyFeed
from services.controller.policy_source import PolicySource
from services.controller.report import StatusReport
from services.controller.requests import RequestMemory
from services.controller.row_pump import EPISODE_EVENTS
from services.controller.servicers.episode import EpisodeServicer
from services.controller.servicers.policy import PolicyServicer
from services.controller.servicers.robot import RobotServicer
from services.controller.servicers.safety import SafetyServicer
from services.controller.supervisor import ControlSupervisor
from services.controller.tasks import BackgroundTasks
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
    lease: LeaseBook
    batches: EpisodeBatches
    operations: OperationStore
    background: BackgroundTasks
    policies: PolicySource
    feed: PolicyFeed | None
    uplink: Uplink | None
    robot: RobotServicer
    safety: SafetyServicer
    episodes: EpisodeServicer
    policy: PolicyServicer

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What runs for ever in the background."""
        works: list[Coroutine[Any, Any, None]] = [self.policies.run()]
        works += [self.feed.run()] if self.feed is not None else []
        works += [self.uplink.run()] if self.uplink is not None else []
        return works


def build_parts(config: ControllerConfig, files: Files, stack: contextlib.AsyncExitStack) -> Parts:
    """Put everything together; call in the event loop."""
    view, operations, episode_log = ControlView(), OperationStore(), EpisodeLog()
    background, memory = BackgroundTasks(), RequestMemory()

    def deliver(event: Event) -> None:
        if event["type"] in EPISODE_EVENTS:
            batches.take_event(event)
        elif event["type"] == "gone" and view.control_fault is not None:
            batches.fail(refusal(view.control_fault.reason, view.control_fault.message))
        elif event["type"] == "policy_refused":
            policies.refused_by_loop(event["reason"], event["message"])

    launcher = ControlLauncher(config, files.task, files.spool)
    supervisor = ControlSupervisor(launcher, view, files.task.robot.joint_names, deliver)
    lease = LeaseBook(supervisor.set_lease, time.monotonic_ns)
    batches = EpisodeBatches(
        operations,
        episode_log,
        supervisor.perform,
        lambda event: summary_from_event(event, config.robot.name, files.task.name),
        background,
    )
    channel = _trainer_channel(config, stack)
    rng = random.Random()  # jitter, not learning
    feed = PolicyFeed(channel, lambda: policies.wake(), rng) if channel is not None else None
    policies = PolicySource(
        files.shelf, files.choice_path, files.choice, feed, supervisor.put_policy
    )
    uplink = None
    if channel is not None:
        uplink = Uplink(files.spool, config.robot.name, launcher.layout, channel, rng)
    report = StatusReport(config, files.task, view, lease, policies, files.spool, uplink)
    return Parts(
        files=files,
        view=view,
        supervisor=supervisor,
        lease=lease,
        batches=batches,
        operations=operations,
        background=background,
        policies=policies,
        feed=feed,
        uplink=uplink,
        robot=RobotServicer(supervisor, lease, batches, memory, report.build),
        safety=SafetyServicer(supervisor, memory),
        episodes=EpisodeServicer(batches, episode_log, view, policies, files.spool, memory),
        policy=PolicyServicer(policies, memory),
    )


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
    stack.push_async_callback(channel.close)
    return channel
