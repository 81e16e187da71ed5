import datetime

from google.longrunning import operations_pb2 as _operations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from protos import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetResumePointRequest(_message.Message):
    __slots__ = ("spool_id", "robot", "boundary")
    SPOOL_ID_FIELD_NUMBER: _ClassVar[int]
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    BOUNDARY_FIELD_NUMBER: _ClassVar[int]
    spool_id: str
    robot: str
    boundary: int
    def __init__(self, spool_id: _Optional[str] = ..., robot: _Optional[str] = ..., boundary: _Optional[int] = ...) -> None: ...

class GetResumePointResponse(_message.Message):
    __slots__ = ("next_sequence", "digest", "boundary_digest", "next_train_index", "next_evaluate_index")
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    BOUNDARY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    NEXT_TRAIN_INDEX_FIELD_NUMBER: _ClassVar[int]
    NEXT_EVALUATE_INDEX_FIELD_NUMBER: _ClassVar[int]
    next_sequence: int
    digest: bytes
    boundary_digest: bytes
    next_train_index: int
    next_evaluate_index: int
    def __init__(self, next_sequence: _Optional[int] = ..., digest: _Optional[bytes] = ..., boundary_digest: _Optional[bytes] = ..., next_train_index: _Optional[int] = ..., next_evaluate_index: _Optional[int] = ...) -> None: ...

class StreamChunksRequest(_message.Message):
    __slots__ = ("hello", "chunk")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    chunk: Chunk
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., chunk: _Optional[_Union[Chunk, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("spool_id", "robot", "layout")
    SPOOL_ID_FIELD_NUMBER: _ClassVar[int]
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    spool_id: str
    robot: str
    layout: _common_pb2.RowLayout
    def __init__(self, spool_id: _Optional[str] = ..., robot: _Optional[str] = ..., layout: _Optional[_Union[_common_pb2.RowLayout, _Mapping]] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("header", "rows", "stamps")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    STAMPS_FIELD_NUMBER: _ClassVar[int]
    header: ChunkHeader
    rows: bytes
    stamps: bytes
    def __init__(self, header: _Optional[_Union[ChunkHeader, _Mapping]] = ..., rows: _Optional[bytes] = ..., stamps: _Optional[bytes] = ...) -> None: ...

class ChunkHeader(_message.Message):
    __slots__ = ("first_sequence", "row_count", "robot", "task", "episode_id", "first_step", "policy_version", "calibration_version", "backend", "purpose", "layout_hash", "boot_id", "wall_time", "episode")
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEP_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_VERSION_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_HASH_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    EPISODE_FIELD_NUMBER: _ClassVar[int]
    first_sequence: int
    row_count: int
    robot: str
    task: str
    episode_id: str
    first_step: int
    policy_version: int
    calibration_version: str
    backend: str
    purpose: _common_pb2.EpisodePurpose
    layout_hash: str
    boot_id: str
    wall_time: _timestamp_pb2.Timestamp
    episode: _common_pb2.EpisodeRecord
    def __init__(self, first_sequence: _Optional[int] = ..., row_count: _Optional[int] = ..., robot: _Optional[str] = ..., task: _Optional[str] = ..., episode_id: _Optional[str] = ..., first_step: _Optional[int] = ..., policy_version: _Optional[int] = ..., calibration_version: _Optional[str] = ..., backend: _Optional[str] = ..., purpose: _Optional[_Union[_common_pb2.EpisodePurpose, str]] = ..., layout_hash: _Optional[str] = ..., boot_id: _Optional[str] = ..., wall_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., episode: _Optional[_Union[_common_pb2.EpisodeRecord, _Mapping]] = ...) -> None: ...

class StreamChunksResponse(_message.Message):
    __slots__ = ("next_sequence", "digest")
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    next_sequence: int
    digest: bytes
    def __init__(self, next_sequence: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...

class RefitRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class RefitMetadata(_message.Message):
    __slots__ = ("refit", "phase", "fraction", "epoch", "epochs", "improve_step", "improve_steps", "model_loss", "eta_s")
    REFIT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    IMPROVE_STEP_FIELD_NUMBER: _ClassVar[int]
    IMPROVE_STEPS_FIELD_NUMBER: _ClassVar[int]
    MODEL_LOSS_FIELD_NUMBER: _ClassVar[int]
    ETA_S_FIELD_NUMBER: _ClassVar[int]
    refit: int
    phase: str
    fraction: float
    epoch: int
    epochs: int
    improve_step: int
    improve_steps: int
    model_loss: float
    eta_s: float
    def __init__(self, refit: _Optional[int] = ..., phase: _Optional[str] = ..., fraction: _Optional[float] = ..., epoch: _Optional[int] = ..., epochs: _Optional[int] = ..., improve_step: _Optional[int] = ..., improve_steps: _Optional[int] = ..., model_loss: _Optional[float] = ..., eta_s: _Optional[float] = ...) -> None: ...

class RefitResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: Version
    def __init__(self, version: _Optional[_Union[Version, _Mapping]] = ...) -> None: ...

class GetTrainerStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchTrainerStatusRequest(_message.Message):
    __slots__ = ("period_ms",)
    PERIOD_MS_FIELD_NUMBER: _ClassVar[int]
    period_ms: int
    def __init__(self, period_ms: _Optional[int] = ...) -> None: ...

class TrainerStatus(_message.Message):
    __slots__ = ("task", "algorithm", "phase", "fraction", "refits", "newest_version", "promoted_version", "rows_stored", "train_rows_stored", "train_rows_used", "next_refit_at_rows", "samples_per_insert", "blocked", "database", "metrics", "error")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TASK_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    REFITS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROMOTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    ROWS_STORED_FIELD_NUMBER: _ClassVar[int]
    TRAIN_ROWS_STORED_FIELD_NUMBER: _ClassVar[int]
    TRAIN_ROWS_USED_FIELD_NUMBER: _ClassVar[int]
    NEXT_REFIT_AT_ROWS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_PER_INSERT_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    DATABASE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    task: str
    algorithm: str
    phase: str
    fraction: float
    refits: int
    newest_version: int
    promoted_version: int
    rows_stored: int
    train_rows_stored: int
    train_rows_used: int
    next_refit_at_rows: int
    samples_per_insert: float
    blocked: str
    database: str
    metrics: _containers.ScalarMap[str, float]
    error: str
    def __init__(self, task: _Optional[str] = ..., algorithm: _Optional[str] = ..., phase: _Optional[str] = ..., fraction: _Optional[float] = ..., refits: _Optional[int] = ..., newest_version: _Optional[int] = ..., promoted_version: _Optional[int] = ..., rows_stored: _Optional[int] = ..., train_rows_stored: _Optional[int] = ..., train_rows_used: _Optional[int] = ..., next_refit_at_rows: _Optional[int] = ..., samples_per_insert: _Optional[float] = ..., blocked: _Optional[str] = ..., database: _Optional[str] = ..., metrics: _Optional[_Mapping[str, float]] = ..., error: _Optional[str] = ...) -> None: ...

class Version(_message.Message):
    __slots__ = ("version", "created", "algorithm", "task", "robot_model", "parent_version", "train_rows", "promoted", "manifest_sha256", "metrics")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROBOT_MODEL_FIELD_NUMBER: _ClassVar[int]
    PARENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRAIN_ROWS_FIELD_NUMBER: _ClassVar[int]
    PROMOTED_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_SHA256_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    version: int
    created: _timestamp_pb2.Timestamp
    algorithm: str
    task: str
    robot_model: str
    parent_version: int
    train_rows: int
    promoted: bool
    manifest_sha256: str
    metrics: _containers.ScalarMap[str, float]
    def __init__(self, version: _Optional[int] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., algorithm: _Optional[str] = ..., task: _Optional[str] = ..., robot_model: _Optional[str] = ..., parent_version: _Optional[int] = ..., train_rows: _Optional[int] = ..., promoted: _Optional[bool] = ..., manifest_sha256: _Optional[str] = ..., metrics: _Optional[_Mapping[str, float]] = ...) -> None: ...

class ListVersionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListVersionsResponse(_message.Message):
    __slots__ = ("versions", "next_page_token")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[Version]
    next_page_token: str
    def __init__(self, versions: _Optional[_Iterable[_Union[Version, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchVersionsRequest(_message.Message):
    __slots__ = ("after_version",)
    AFTER_VERSION_FIELD_NUMBER: _ClassVar[int]
    after_version: int
    def __init__(self, after_version: _Optional[int] = ...) -> None: ...

class FetchVersionRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: int
    def __init__(self, version: _Optional[int] = ...) -> None: ...

class VersionPart(_message.Message):
    __slots__ = ("name", "offset", "total", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    offset: int
    total: int
    data: bytes
    def __init__(self, name: _Optional[str] = ..., offset: _Optional[int] = ..., total: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class PromoteVersionRequest(_message.Message):
    __slots__ = ("version", "request_id")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    version: int
    request_id: str
    def __init__(self, version: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class ListMetricsRequest(_message.Message):
    __slots__ = ("after_refit",)
    AFTER_REFIT_FIELD_NUMBER: _ClassVar[int]
    after_refit: int
    def __init__(self, after_refit: _Optional[int] = ...) -> None: ...

class MetricsRecord(_message.Message):
    __slots__ = ("refit", "version", "train_rows", "wall_time", "values")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    REFIT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TRAIN_ROWS_FIELD_NUMBER: _ClassVar[int]
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    refit: int
    version: int
    train_rows: int
    wall_time: _timestamp_pb2.Timestamp
    values: _containers.ScalarMap[str, float]
    def __init__(self, refit: _Optional[int] = ..., version: _Optional[int] = ..., train_rows: _Optional[int] = ..., wall_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., values: _Optional[_Mapping[str, float]] = ...) -> None: ...

class ListMetricsResponse(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[MetricsRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[MetricsRecord, _Mapping]]] = ...) -> None: ...
