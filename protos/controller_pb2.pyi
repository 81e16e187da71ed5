import datetime

from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from protos import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
LEASE_REQUIRED_FIELD_NUMBER: _ClassVar[int]
lease_required: _descriptor.FieldDescriptor
ALWAYS_SERVED_FIELD_NUMBER: _ClassVar[int]
always_served: _descriptor.FieldDescriptor
NOT_COUNTED_FIELD_NUMBER: _ClassVar[int]
not_counted: _descriptor.FieldDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchStatusRequest(_message.Message):
    __slots__ = ("period_ms",)
    PERIOD_MS_FIELD_NUMBER: _ClassVar[int]
    period_ms: int
    def __init__(self, period_ms: _Optional[int] = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("robot", "model", "task", "backend", "lifecycle", "fault", "state", "loop", "lease", "policy", "spool", "episode", "layout", "real_time", "clock", "wall_time", "monotonic_ns", "boot_id", "health", "connection_error", "planner")
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LOOP_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SPOOL_FIELD_NUMBER: _ClassVar[int]
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    REAL_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    MONOTONIC_NS_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    PLANNER_FIELD_NUMBER: _ClassVar[int]
    robot: str
    model: str
    task: str
    backend: str
    lifecycle: _common_pb2.Lifecycle
    fault: _common_pb2.Fault
    state: RobotState
    loop: LoopStatistics
    lease: Lease
    policy: PolicyStatus
    spool: SpoolStatus
    episode: EpisodeStatus
    layout: _common_pb2.RowLayout
    real_time: RealTimeStatus
    clock: str
    wall_time: _timestamp_pb2.Timestamp
    monotonic_ns: int
    boot_id: str
    health: RobotHealth
    connection_error: str
    planner: PlannerStatus
    def __init__(self, robot: _Optional[str] = ..., model: _Optional[str] = ..., task: _Optional[str] = ..., backend: _Optional[str] = ..., lifecycle: _Optional[_Union[_common_pb2.Lifecycle, str]] = ..., fault: _Optional[_Union[_common_pb2.Fault, _Mapping]] = ..., state: _Optional[_Union[RobotState, _Mapping]] = ..., loop: _Optional[_Union[LoopStatistics, _Mapping]] = ..., lease: _Optional[_Union[Lease, _Mapping]] = ..., policy: _Optional[_Union[PolicyStatus, _Mapping]] = ..., spool: _Optional[_Union[SpoolStatus, _Mapping]] = ..., episode: _Optional[_Union[EpisodeStatus, _Mapping]] = ..., layout: _Optional[_Union[_common_pb2.RowLayout, _Mapping]] = ..., real_time: _Optional[_Union[RealTimeStatus, _Mapping]] = ..., clock: _Optional[str] = ..., wall_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., monotonic_ns: _Optional[int] = ..., boot_id: _Optional[str] = ..., health: _Optional[_Union[RobotHealth, _Mapping]] = ..., connection_error: _Optional[str] = ..., planner: _Optional[_Union[PlannerStatus, _Mapping]] = ...) -> None: ...

class PlannerStatus(_message.Message):
    __slots__ = ("alive", "policy_version", "steps", "late_steps", "fallback_steps", "late_rate", "plan_age_s", "planning_s", "value", "disagreement", "restarts", "error")
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LATE_STEPS_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_STEPS_FIELD_NUMBER: _ClassVar[int]
    LATE_RATE_FIELD_NUMBER: _ClassVar[int]
    PLAN_AGE_S_FIELD_NUMBER: _ClassVar[int]
    PLANNING_S_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DISAGREEMENT_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    alive: bool
    policy_version: int
    steps: int
    late_steps: int
    fallback_steps: int
    late_rate: float
    plan_age_s: float
    planning_s: float
    value: float
    disagreement: float
    restarts: int
    error: str
    def __init__(self, alive: _Optional[bool] = ..., policy_version: _Optional[int] = ..., steps: _Optional[int] = ..., late_steps: _Optional[int] = ..., fallback_steps: _Optional[int] = ..., late_rate: _Optional[float] = ..., plan_age_s: _Optional[float] = ..., planning_s: _Optional[float] = ..., value: _Optional[float] = ..., disagreement: _Optional[float] = ..., restarts: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class RobotHealth(_message.Message):
    __slots__ = ("watchdog_s", "joints", "warnings", "counters")
    class CountersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    WATCHDOG_S_FIELD_NUMBER: _ClassVar[int]
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    watchdog_s: float
    joints: _containers.RepeatedCompositeFieldContainer[JointHealth]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    counters: _containers.ScalarMap[str, int]
    def __init__(self, watchdog_s: _Optional[float] = ..., joints: _Optional[_Iterable[_Union[JointHealth, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ..., counters: _Optional[_Mapping[str, int]] = ...) -> None: ...

class JointHealth(_message.Message):
    __slots__ = ("joint", "servo_id", "voltage_v", "temperature_c", "hardware_error", "age_s")
    JOINT_FIELD_NUMBER: _ClassVar[int]
    SERVO_ID_FIELD_NUMBER: _ClassVar[int]
    VOLTAGE_V_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_C_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_ERROR_FIELD_NUMBER: _ClassVar[int]
    AGE_S_FIELD_NUMBER: _ClassVar[int]
    joint: str
    servo_id: int
    voltage_v: float
    temperature_c: float
    hardware_error: int
    age_s: float
    def __init__(self, joint: _Optional[str] = ..., servo_id: _Optional[int] = ..., voltage_v: _Optional[float] = ..., temperature_c: _Optional[float] = ..., hardware_error: _Optional[int] = ..., age_s: _Optional[float] = ...) -> None: ...

class RobotState(_message.Message):
    __slots__ = ("monotonic_ns", "sequence", "joint_names", "joint_position_rad", "joint_velocity_rad_s", "object_position_rad", "object_velocity_rad_s", "valid", "bodies")
    MONOTONIC_NS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    JOINT_NAMES_FIELD_NUMBER: _ClassVar[int]
    JOINT_POSITION_RAD_FIELD_NUMBER: _ClassVar[int]
    JOINT_VELOCITY_RAD_S_FIELD_NUMBER: _ClassVar[int]
    OBJECT_POSITION_RAD_FIELD_NUMBER: _ClassVar[int]
    OBJECT_VELOCITY_RAD_S_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    BODIES_FIELD_NUMBER: _ClassVar[int]
    monotonic_ns: int
    sequence: int
    joint_names: _containers.RepeatedScalarFieldContainer[str]
    joint_position_rad: _containers.RepeatedScalarFieldContainer[float]
    joint_velocity_rad_s: _containers.RepeatedScalarFieldContainer[float]
    object_position_rad: _containers.RepeatedScalarFieldContainer[float]
    object_velocity_rad_s: _containers.RepeatedScalarFieldContainer[float]
    valid: bool
    bodies: _containers.RepeatedCompositeFieldContainer[BodyState]
    def __init__(self, monotonic_ns: _Optional[int] = ..., sequence: _Optional[int] = ..., joint_names: _Optional[_Iterable[str]] = ..., joint_position_rad: _Optional[_Iterable[float]] = ..., joint_velocity_rad_s: _Optional[_Iterable[float]] = ..., object_position_rad: _Optional[_Iterable[float]] = ..., object_velocity_rad_s: _Optional[_Iterable[float]] = ..., valid: _Optional[bool] = ..., bodies: _Optional[_Iterable[_Union[BodyState, _Mapping]]] = ...) -> None: ...

class BodyState(_message.Message):
    __slots__ = ("name", "pose", "velocity", "valid")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    VELOCITY_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    name: str
    pose: _containers.RepeatedScalarFieldContainer[float]
    velocity: _containers.RepeatedScalarFieldContainer[float]
    valid: bool
    def __init__(self, name: _Optional[str] = ..., pose: _Optional[_Iterable[float]] = ..., velocity: _Optional[_Iterable[float]] = ..., valid: _Optional[bool] = ...) -> None: ...

class LoopStatistics(_message.Message):
    __slots__ = ("cycles", "overruns", "period_s", "lateness_p50_us", "lateness_p99_us", "lateness_p999_us", "lateness_max_us", "work_p50_us", "work_p99_us")
    CYCLES_FIELD_NUMBER: _ClassVar[int]
    OVERRUNS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_S_FIELD_NUMBER: _ClassVar[int]
    LATENESS_P50_US_FIELD_NUMBER: _ClassVar[int]
    LATENESS_P99_US_FIELD_NUMBER: _ClassVar[int]
    LATENESS_P999_US_FIELD_NUMBER: _ClassVar[int]
    LATENESS_MAX_US_FIELD_NUMBER: _ClassVar[int]
    WORK_P50_US_FIELD_NUMBER: _ClassVar[int]
    WORK_P99_US_FIELD_NUMBER: _ClassVar[int]
    cycles: int
    overruns: int
    period_s: float
    lateness_p50_us: float
    lateness_p99_us: float
    lateness_p999_us: float
    lateness_max_us: float
    work_p50_us: float
    work_p99_us: float
    def __init__(self, cycles: _Optional[int] = ..., overruns: _Optional[int] = ..., period_s: _Optional[float] = ..., lateness_p50_us: _Optional[float] = ..., lateness_p99_us: _Optional[float] = ..., lateness_p999_us: _Optional[float] = ..., lateness_max_us: _Optional[float] = ..., work_p50_us: _Optional[float] = ..., work_p99_us: _Optional[float] = ...) -> None: ...

class RealTimeStatus(_message.Message):
    __slots__ = ("timer_slack", "memory_locked", "fifo_scheduling", "gc_frozen")
    TIMER_SLACK_FIELD_NUMBER: _ClassVar[int]
    MEMORY_LOCKED_FIELD_NUMBER: _ClassVar[int]
    FIFO_SCHEDULING_FIELD_NUMBER: _ClassVar[int]
    GC_FROZEN_FIELD_NUMBER: _ClassVar[int]
    timer_slack: bool
    memory_locked: bool
    fifo_scheduling: bool
    gc_frozen: bool
    def __init__(self, timer_slack: _Optional[bool] = ..., memory_locked: _Optional[bool] = ..., fifo_scheduling: _Optional[bool] = ..., gc_frozen: _Optional[bool] = ...) -> None: ...

class PolicyStatus(_message.Message):
    __slots__ = ("version", "newest_version", "promoted_version", "follow", "last_refusal")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NEWEST_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROMOTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    LAST_REFUSAL_FIELD_NUMBER: _ClassVar[int]
    version: int
    newest_version: int
    promoted_version: int
    follow: str
    last_refusal: str
    def __init__(self, version: _Optional[int] = ..., newest_version: _Optional[int] = ..., promoted_version: _Optional[int] = ..., follow: _Optional[str] = ..., last_refusal: _Optional[str] = ...) -> None: ...

class SpoolStatus(_message.Message):
    __slots__ = ("chunks", "rows", "bytes", "quota_bytes", "rows_written", "rows_acknowledged", "rows_dropped", "trainer_connected", "error", "trainer_error", "continuity", "next_train_index", "next_evaluate_index")
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    QUOTA_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROWS_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    ROWS_ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    ROWS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    TRAINER_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TRAINER_ERROR_FIELD_NUMBER: _ClassVar[int]
    CONTINUITY_FIELD_NUMBER: _ClassVar[int]
    NEXT_TRAIN_INDEX_FIELD_NUMBER: _ClassVar[int]
    NEXT_EVALUATE_INDEX_FIELD_NUMBER: _ClassVar[int]
    chunks: int
    rows: int
    bytes: int
    quota_bytes: int
    rows_written: int
    rows_acknowledged: int
    rows_dropped: int
    trainer_connected: bool
    error: str
    trainer_error: str
    continuity: str
    next_train_index: int
    next_evaluate_index: int
    def __init__(self, chunks: _Optional[int] = ..., rows: _Optional[int] = ..., bytes: _Optional[int] = ..., quota_bytes: _Optional[int] = ..., rows_written: _Optional[int] = ..., rows_acknowledged: _Optional[int] = ..., rows_dropped: _Optional[int] = ..., trainer_connected: _Optional[bool] = ..., error: _Optional[str] = ..., trainer_error: _Optional[str] = ..., continuity: _Optional[str] = ..., next_train_index: _Optional[int] = ..., next_evaluate_index: _Optional[int] = ...) -> None: ...

class EpisodeStatus(_message.Message):
    __slots__ = ("operation", "episode_id", "step", "finished", "requested")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    operation: str
    episode_id: str
    step: int
    finished: int
    requested: int
    def __init__(self, operation: _Optional[str] = ..., episode_id: _Optional[str] = ..., step: _Optional[int] = ..., finished: _Optional[int] = ..., requested: _Optional[int] = ...) -> None: ...

class AcquireLeaseRequest(_message.Message):
    __slots__ = ("owner", "window_s", "take", "request_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    window_s: float
    take: bool
    request_id: str
    def __init__(self, owner: _Optional[str] = ..., window_s: _Optional[float] = ..., take: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class RetainLeaseRequest(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class ReturnLeaseRequest(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class ReturnLeaseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Lease(_message.Message):
    __slots__ = ("token", "owner", "epoch", "window_s", "remaining_s")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    REMAINING_S_FIELD_NUMBER: _ClassVar[int]
    token: str
    owner: str
    epoch: int
    window_s: float
    remaining_s: float
    def __init__(self, token: _Optional[str] = ..., owner: _Optional[str] = ..., epoch: _Optional[int] = ..., window_s: _Optional[float] = ..., remaining_s: _Optional[float] = ...) -> None: ...

class ActivateRequest(_message.Message):
    __slots__ = ("lease_token", "request_id")
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    lease_token: str
    request_id: str
    def __init__(self, lease_token: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ActivateResponse(_message.Message):
    __slots__ = ("lifecycle",)
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    lifecycle: _common_pb2.Lifecycle
    def __init__(self, lifecycle: _Optional[_Union[_common_pb2.Lifecycle, str]] = ...) -> None: ...

class DeactivateRequest(_message.Message):
    __slots__ = ("lease_token", "request_id")
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    lease_token: str
    request_id: str
    def __init__(self, lease_token: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class DeactivateResponse(_message.Message):
    __slots__ = ("lifecycle",)
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    lifecycle: _common_pb2.Lifecycle
    def __init__(self, lifecycle: _Optional[_Union[_common_pb2.Lifecycle, str]] = ...) -> None: ...

class ClearFaultRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class ClearFaultResponse(_message.Message):
    __slots__ = ("lifecycle",)
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    lifecycle: _common_pb2.Lifecycle
    def __init__(self, lifecycle: _Optional[_Union[_common_pb2.Lifecycle, str]] = ...) -> None: ...

class JogRequest(_message.Message):
    __slots__ = ("lease_token", "request_id", "joint", "delta_rad", "speed_rad_s")
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    JOINT_FIELD_NUMBER: _ClassVar[int]
    DELTA_RAD_FIELD_NUMBER: _ClassVar[int]
    SPEED_RAD_S_FIELD_NUMBER: _ClassVar[int]
    lease_token: str
    request_id: str
    joint: str
    delta_rad: float
    speed_rad_s: float
    def __init__(self, lease_token: _Optional[str] = ..., request_id: _Optional[str] = ..., joint: _Optional[str] = ..., delta_rad: _Optional[float] = ..., speed_rad_s: _Optional[float] = ...) -> None: ...

class JogResponse(_message.Message):
    __slots__ = ("start_rad", "position_rad")
    START_RAD_FIELD_NUMBER: _ClassVar[int]
    POSITION_RAD_FIELD_NUMBER: _ClassVar[int]
    start_rad: float
    position_rad: float
    def __init__(self, start_rad: _Optional[float] = ..., position_rad: _Optional[float] = ...) -> None: ...

class RebootServoRequest(_message.Message):
    __slots__ = ("request_id", "joint", "all")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    JOINT_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    joint: str
    all: bool
    def __init__(self, request_id: _Optional[str] = ..., joint: _Optional[str] = ..., all: _Optional[bool] = ...) -> None: ...

class RebootServoResponse(_message.Message):
    __slots__ = ("lifecycle", "reboots_left", "joints")
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    REBOOTS_LEFT_FIELD_NUMBER: _ClassVar[int]
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    lifecycle: _common_pb2.Lifecycle
    reboots_left: int
    joints: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, lifecycle: _Optional[_Union[_common_pb2.Lifecycle, str]] = ..., reboots_left: _Optional[int] = ..., joints: _Optional[_Iterable[str]] = ...) -> None: ...

class EmergencyStopRequest(_message.Message):
    __slots__ = ("reason", "request_id")
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    reason: str
    request_id: str
    def __init__(self, reason: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class EmergencyStopResponse(_message.Message):
    __slots__ = ("lifecycle", "latency_ms", "torque_off_failed")
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    TORQUE_OFF_FAILED_FIELD_NUMBER: _ClassVar[int]
    lifecycle: _common_pb2.Lifecycle
    latency_ms: float
    torque_off_failed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, lifecycle: _Optional[_Union[_common_pb2.Lifecycle, str]] = ..., latency_ms: _Optional[float] = ..., torque_off_failed: _Optional[_Iterable[str]] = ...) -> None: ...

class ReleaseEmergencyStopRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class ReleaseEmergencyStopResponse(_message.Message):
    __slots__ = ("lifecycle",)
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    lifecycle: _common_pb2.Lifecycle
    def __init__(self, lifecycle: _Optional[_Union[_common_pb2.Lifecycle, str]] = ...) -> None: ...

class RunEpisodesRequest(_message.Message):
    __slots__ = ("lease_token", "request_id", "count", "purpose", "explore", "first_index", "minimum_policy_version")
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    EXPLORE_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    lease_token: str
    request_id: str
    count: int
    purpose: _common_pb2.EpisodePurpose
    explore: bool
    first_index: int
    minimum_policy_version: int
    def __init__(self, lease_token: _Optional[str] = ..., request_id: _Optional[str] = ..., count: _Optional[int] = ..., purpose: _Optional[_Union[_common_pb2.EpisodePurpose, str]] = ..., explore: _Optional[bool] = ..., first_index: _Optional[int] = ..., minimum_policy_version: _Optional[int] = ...) -> None: ...

class RunEpisodesMetadata(_message.Message):
    __slots__ = ("finished", "requested", "steps", "episodes", "first_index")
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    finished: int
    requested: int
    steps: int
    episodes: _containers.RepeatedCompositeFieldContainer[_common_pb2.EpisodeRecord]
    first_index: int
    def __init__(self, finished: _Optional[int] = ..., requested: _Optional[int] = ..., steps: _Optional[int] = ..., episodes: _Optional[_Iterable[_Union[_common_pb2.EpisodeRecord, _Mapping]]] = ..., first_index: _Optional[int] = ...) -> None: ...

class RunEpisodesResponse(_message.Message):
    __slots__ = ("episodes", "rows")
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    episodes: _containers.RepeatedCompositeFieldContainer[_common_pb2.EpisodeRecord]
    rows: int
    def __init__(self, episodes: _Optional[_Iterable[_Union[_common_pb2.EpisodeRecord, _Mapping]]] = ..., rows: _Optional[int] = ...) -> None: ...

class ListEpisodesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "purpose")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    purpose: _common_pb2.EpisodePurpose
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., purpose: _Optional[_Union[_common_pb2.EpisodePurpose, str]] = ...) -> None: ...

class ListEpisodesResponse(_message.Message):
    __slots__ = ("episodes", "next_page_token")
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    episodes: _containers.RepeatedCompositeFieldContainer[_common_pb2.EpisodeRecord]
    next_page_token: str
    def __init__(self, episodes: _Optional[_Iterable[_Union[_common_pb2.EpisodeRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchEpisodesRequest(_message.Message):
    __slots__ = ("after_event",)
    AFTER_EVENT_FIELD_NUMBER: _ClassVar[int]
    after_event: int
    def __init__(self, after_event: _Optional[int] = ...) -> None: ...

class EpisodeEvent(_message.Message):
    __slots__ = ("event", "started", "finished", "skipped")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    event: int
    started: _common_pb2.EpisodeRecord
    finished: _common_pb2.EpisodeRecord
    skipped: int
    def __init__(self, event: _Optional[int] = ..., started: _Optional[_Union[_common_pb2.EpisodeRecord, _Mapping]] = ..., finished: _Optional[_Union[_common_pb2.EpisodeRecord, _Mapping]] = ..., skipped: _Optional[int] = ...) -> None: ...

class ListPoliciesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PolicyVersion(_message.Message):
    __slots__ = ("version", "path", "loaded", "usable", "refusal")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    version: int
    path: str
    loaded: bool
    usable: bool
    refusal: str
    def __init__(self, version: _Optional[int] = ..., path: _Optional[str] = ..., loaded: _Optional[bool] = ..., usable: _Optional[bool] = ..., refusal: _Optional[str] = ...) -> None: ...

class ListPoliciesResponse(_message.Message):
    __slots__ = ("policies",)
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[PolicyVersion]
    def __init__(self, policies: _Optional[_Iterable[_Union[PolicyVersion, _Mapping]]] = ...) -> None: ...

class LoadPolicyRequest(_message.Message):
    __slots__ = ("version", "follow", "at_step", "request_id")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    AT_STEP_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    version: int
    follow: str
    at_step: bool
    request_id: str
    def __init__(self, version: _Optional[int] = ..., follow: _Optional[str] = ..., at_step: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class LoadPolicyResponse(_message.Message):
    __slots__ = ("version", "previous_version")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_VERSION_FIELD_NUMBER: _ClassVar[int]
    version: int
    previous_version: int
    def __init__(self, version: _Optional[int] = ..., previous_version: _Optional[int] = ...) -> None: ...

class RollbackPolicyRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...
