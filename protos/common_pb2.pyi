import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Lifecycle(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIFECYCLE_UNSPECIFIED: _ClassVar[Lifecycle]
    LIFECYCLE_UNCONFIGURED: _ClassVar[Lifecycle]
    LIFECYCLE_INACTIVE: _ClassVar[Lifecycle]
    LIFECYCLE_ACTIVE: _ClassVar[Lifecycle]
    LIFECYCLE_HOLD: _ClassVar[Lifecycle]
    LIFECYCLE_FAULT: _ClassVar[Lifecycle]
    LIFECYCLE_E_STOPPED: _ClassVar[Lifecycle]

class EpisodePurpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EPISODE_PURPOSE_UNSPECIFIED: _ClassVar[EpisodePurpose]
    EPISODE_PURPOSE_TRAIN: _ClassVar[EpisodePurpose]
    EPISODE_PURPOSE_EVALUATE: _ClassVar[EpisodePurpose]
LIFECYCLE_UNSPECIFIED: Lifecycle
LIFECYCLE_UNCONFIGURED: Lifecycle
LIFECYCLE_INACTIVE: Lifecycle
LIFECYCLE_ACTIVE: Lifecycle
LIFECYCLE_HOLD: Lifecycle
LIFECYCLE_FAULT: Lifecycle
LIFECYCLE_E_STOPPED: Lifecycle
EPISODE_PURPOSE_UNSPECIFIED: EpisodePurpose
EPISODE_PURPOSE_TRAIN: EpisodePurpose
EPISODE_PURPOSE_EVALUATE: EpisodePurpose

class RowLayout(_message.Message):
    __slots__ = ("observation_names", "action_names", "width", "hash")
    OBSERVATION_NAMES_FIELD_NUMBER: _ClassVar[int]
    ACTION_NAMES_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    observation_names: _containers.RepeatedScalarFieldContainer[str]
    action_names: _containers.RepeatedScalarFieldContainer[str]
    width: int
    hash: str
    def __init__(self, observation_names: _Optional[_Iterable[str]] = ..., action_names: _Optional[_Iterable[str]] = ..., width: _Optional[int] = ..., hash: _Optional[str] = ...) -> None: ...

class CycleRecord(_message.Message):
    __slots__ = ("cycle", "monotonic_ns", "joint_position_rad", "joint_velocity_rad_s", "command_position_rad", "verdict")
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    MONOTONIC_NS_FIELD_NUMBER: _ClassVar[int]
    JOINT_POSITION_RAD_FIELD_NUMBER: _ClassVar[int]
    JOINT_VELOCITY_RAD_S_FIELD_NUMBER: _ClassVar[int]
    COMMAND_POSITION_RAD_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    cycle: int
    monotonic_ns: int
    joint_position_rad: _containers.RepeatedScalarFieldContainer[float]
    joint_velocity_rad_s: _containers.RepeatedScalarFieldContainer[float]
    command_position_rad: _containers.RepeatedScalarFieldContainer[float]
    verdict: str
    def __init__(self, cycle: _Optional[int] = ..., monotonic_ns: _Optional[int] = ..., joint_position_rad: _Optional[_Iterable[float]] = ..., joint_velocity_rad_s: _Optional[_Iterable[float]] = ..., command_position_rad: _Optional[_Iterable[float]] = ..., verdict: _Optional[str] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("reason", "message", "wall_time", "monotonic_ns", "last_cycles")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    MONOTONIC_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_CYCLES_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    wall_time: _timestamp_pb2.Timestamp
    monotonic_ns: int
    last_cycles: _containers.RepeatedCompositeFieldContainer[CycleRecord]
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ..., wall_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., monotonic_ns: _Optional[int] = ..., last_cycles: _Optional[_Iterable[_Union[CycleRecord, _Mapping]]] = ...) -> None: ...

class EpisodeRecord(_message.Message):
    __slots__ = ("episode_id", "robot", "task", "purpose", "index", "policy_version", "steps", "episode_return", "success", "end_reason", "start_wall_time", "clipped_steps")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    EPISODE_RETURN_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    START_WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    CLIPPED_STEPS_FIELD_NUMBER: _ClassVar[int]
    episode_id: str
    robot: str
    task: str
    purpose: EpisodePurpose
    index: int
    policy_version: int
    steps: int
    episode_return: float
    success: bool
    end_reason: str
    start_wall_time: _timestamp_pb2.Timestamp
    clipped_steps: int
    def __init__(self, episode_id: _Optional[str] = ..., robot: _Optional[str] = ..., task: _Optional[str] = ..., purpose: _Optional[_Union[EpisodePurpose, str]] = ..., index: _Optional[int] = ..., policy_version: _Optional[int] = ..., steps: _Optional[int] = ..., episode_return: _Optional[float] = ..., success: _Optional[bool] = ..., end_reason: _Optional[str] = ..., start_wall_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., clipped_steps: _Optional[int] = ...) -> None: ...
