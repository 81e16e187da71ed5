"""The controller's state as the wire says it: the only way from domain to status messages."""

import time

from hal.faults import Cycle, Fault
from hal.health import RobotHealth
from hal.realtime import RealTimeReport
from hal.types import RobotSpec, RobotState
from protos import common_pb2, controller_pb2
from services import wire
from services.controller.lease import Lease
from services.controller.spool import SpoolCounts
from services.ipc.state_board import BoardRecord, EpisodeOnBoard, LoopOnBoard


def fault_to_proto(fault: Fault) -> common_pb2.Fault:
    """A latched fault; its times in both clocks, without the cycles before it."""
    return common_pb2.Fault(
        reason=fault.reason,
        message=fault.message,
        wall_time=wire.timestamp_from_ns(fault.wall_time_ns),
        monotonic_ns=fault.stamp_ns,
        last_cycles=[_cycle_to_proto(cycle) for cycle in fault.cycles],
    )


def _cycle_to_proto(cycle: Cycle) -> common_pb2.CycleRecord:
    return common_pb2.CycleRecord(
        cycle=cycle.cycle,
        monotonic_ns=cycle.stamp_ns,
        joint_position_rad=cycle.position,
        joint_velocity_rad_s=cycle.velocity,
        command_position_rad=cycle.command,
        verdict=cycle.verdict,
    )


def lease_to_proto(lease: Lease, *, with_token: bool) -> controller_pb2.Lease:
    """The lease; its token only goes to the client that acquired it."""
    return controller_pb2.Lease(
        token=lease.token if with_token else "",
        owner=lease.owner,
        epoch=lease.epoch,
        window_s=lease.window_s,
        remaining_s=lease.remaining_s(time.monotonic_ns()),
    )


def state_to_proto(state: RobotState, robot: RobotSpec) -> controller_pb2.RobotState:
    """A measurement with the names of its joints and objects; SI units, current in mA."""
    return controller_pb2.RobotState(
        monotonic_ns=state.stamp_ns,
        sequence=state.sequence,
        joint_names=robot.joint_names,
        joint_position_rad=state.joint_position_rad,
        joint_velocity_rad_s=state.joint_velocity_rad_s,
        object_position_rad=state.object_position_rad,
        object_velocity_rad_s=state.object_velocity_rad_s,
        valid=state.is_valid,
        bodies=_bodies_to_proto(state, robot),
    )


def _bodies_to_proto(state: RobotState, robot: RobotSpec) -> list[controller_pb2.BodyState]:
    return [
        controller_pb2.BodyState(
            name=name,
            pose=state.body_pose[body],
            velocity=state.body_velocity[body],
            valid=bool(state.body_valid[body]),
        )
        for body, name in enumerate(robot.bodies)
    ]


def loop_to_proto(loop: LoopOnBoard) -> controller_pb2.LoopStatistics:
    """How well the loop has kept its period; lateness in us."""
    return controller_pb2.LoopStatistics(
        cycles=loop.cycles,
        overruns=loop.overruns,
        period_s=loop.period_s,
        lateness_p50_us=loop.lateness_p50_us,
        lateness_p99_us=loop.lateness_p99_us,
        lateness_p999_us=loop.lateness_p999_us,
        lateness_max_us=loop.lateness_max_us,
        work_p50_us=loop.work_p50_us,
        work_p99_us=loop.work_p99_us,
    )


def real_time_to_proto(report: RealTimeReport) -> controller_pb2.RealTimeStatus:
    """Which of the real-time measures took effect."""
    return controller_pb2.RealTimeStatus(
        timer_slack=report.timer_slack,
        memory_locked=report.memory_locked,
        fifo_scheduling=report.fifo_scheduling,
        gc_frozen=report.gc_frozen,
    )


def health_to_proto(health: RobotHealth) -> controller_pb2.RobotHealth:
    """What every servo said last of itself."""
    return controller_pb2.RobotHealth(
        watchdog_s=health.watchdog_s or 0.0,
        joints=[
            controller_pb2.JointHealth(
                joint=joint.name,
                servo_id=joint.servo_id,
                voltage_v=joint.voltage_v,
                temperature_c=joint.temperature_c,
                hardware_error=joint.hardware_error,
                age_s=joint.age_s,
            )
            for joint in health.joints
        ],
        warnings=health.warnings,
        counters=dict(health.counters),
    )


def spool_to_proto(
    counts: SpoolCounts, trainer_error: str, continuity: str, next_indices: dict[str, int]
) -> controller_pb2.SpoolStatus:
    """Rows that wait for the trainer, what keeps them, and the next episode of each purpose."""
    return controller_pb2.SpoolStatus(
        chunks=counts.chunks,
        rows=counts.rows,
        bytes=counts.bytes,
        quota_bytes=counts.quota_bytes,
        rows_written=counts.rows_written,
        rows_acknowledged=counts.rows_acknowledged,
        rows_dropped=0,  # nothing here ever drops a row
        trainer_connected=counts.trainer_connected,
        error=counts.error,
        trainer_error=trainer_error,
        continuity=continuity,
        next_train_index=next_indices["train"],
        next_evaluate_index=next_indices["evaluate"],
    )


def episode_status_to_proto(episode: EpisodeOnBoard, step: int) -> controller_pb2.EpisodeStatus:
    """The episode that runs and the batch it belongs to; `step` counts control periods."""
    return controller_pb2.EpisodeStatus(
        operation=episode.operation,
        episode_id=episode.episode_id,
        step=step,
        finished=episode.finished,
        requested=episode.requested,
    )


def add_board(
    status: controller_pb2.GetStatusResponse, board: BoardRecord, robot: RobotSpec
) -> None:
    """Fill in what the control process shows of itself."""
    if board.state is not None:
        status.state.CopyFrom(state_to_proto(board.state, robot))
    status.loop.CopyFrom(loop_to_proto(board.loop))
    if board.episode.operation:
        status.episode.CopyFrom(episode_status_to_proto(board.episode, board.step))
