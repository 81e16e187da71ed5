"""The typed half of a snapshot: what a policy was made for, so that nothing else ever runs it."""

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from hal.errors import ReasonedError
from mbctl.data.layout import RowLayout
from mbctl.policies.planner_architecture import PlannerArchitecture
from mbctl.tasks.reflection import Reflection
from mbctl.tasks.task import Task

MANIFEST_BYTES_MAX = 1 << 20
LOG_STD_RANGE = (-20.0, 2.0)  # of a squashed Gaussian, in learner and robot alike

Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=4096)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Floats = Annotated[tuple[FiniteFloat, ...], Field(min_length=1, max_length=4096)]
Width = Annotated[int, Field(ge=1, le=4096)]


class SnapshotError(ReasonedError):
    """A snapshot that must not run."""

    shows_reason = True


class PolicyArchitecture(BaseModel):
    """The network that the weights fill.

    Attributes:
        kind: "gaussian_mlp" gives the mean of a Gaussian, with one deviation for all observations;
            "squashed_gaussian_mlp" gives mean and log deviation of a Gaussian squashed by tanh.
        hidden: widths of the hidden layers.
        activation: after each hidden layer.
        reflection: act in the mirror image where it says so.
        planner: plans around the network, its policy prior; None: the network acts alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["gaussian_mlp", "squashed_gaussian_mlp"] = "gaussian_mlp"
    hidden: Annotated[tuple[Width, ...], Field(max_length=16)] = (64, 64)
    activation: Literal["tanh", "relu"] = "tanh"
    reflection: Reflection | None = None
    planner: PlannerArchitecture | None = None


class Units(BaseModel):
    """Units of the physical quantities in the observation and of the action."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    position: Literal["rad"] = "rad"
    velocity: Literal["rad/s"] = "rad/s"
    action: Literal["position range mapped to [-1, 1]"] = "position range mapped to [-1, 1]"


class Manifest(BaseModel):
    """What the controller checks before it runs a policy.

    Attributes:
        version: from 1, which is the initial, untrained policy.
        period_s: control period that the policy was trained for.
        position_min_rad, position_max_rad, velocity_max_rad_s: [A] limits in joint order.
        weights_sha256: of the bytes of policy.safetensors.
        parent_version: the version it was improved from; 0 when there is none.
        train_rows: training rows that the learner had when it made this version.
        created: ISO 8601 with time zone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    version: Annotated[int, Field(ge=1, le=999_999)]
    robot_model: Name
    task: Name
    observation_names: Names
    action_names: Names
    units: Units = Units()
    period_s: Annotated[FiniteFloat, Field(gt=0)]
    position_min_rad: Floats
    position_max_rad: Floats
    velocity_max_rad_s: Floats
    algorithm: Name
    layout_hash: Sha256
    weights_sha256: Sha256
    parent_version: Annotated[int, Field(ge=0)]
    train_rows: Annotated[int, Field(ge=0)]
    created: Name
    metrics: dict[str, FiniteFloat] = Field(default_factory=dict)
    policy: PolicyArchitecture = PolicyArchitecture()

    def to_json(self) -> bytes:
        """The bytes of manifest.json; equal manifests give equal bytes."""
        return self.model_dump_json(indent=1).encode() + b"\n"


def parse_manifest(data: bytes) -> Manifest:
    """Read manifest.json.

    Raises:
        SnapshotError: MANIFEST_INVALID, naming each field at fault.
    """
    if len(data) > MANIFEST_BYTES_MAX:
        raise SnapshotError(
            f"{len(data)} bytes of manifest, at most {MANIFEST_BYTES_MAX}",
            reason="MANIFEST_INVALID",
        )
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'manifest'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)[:5]
        )
        raise SnapshotError(faults, reason="MANIFEST_INVALID") from error


def row_layout(task: Task) -> RowLayout:
    """The row layout of a task: its observation columns and one action column per joint."""
    return RowLayout(task.observation_names, task.robot.joint_names)


def describe_policy(
    task: Task,
    weights_bytes: bytes,
    *,
    version: int,
    algorithm: str,
    architecture: PolicyArchitecture,
    period_s: float | None = None,
    parent_version: int = 0,
    train_rows: int = 0,
    metrics: Mapping[str, float] | None = None,
    created: datetime | None = None,
) -> Manifest:
    """The manifest of a policy for `task`; metrics that are not finite are left out of it."""
    robot = task.robot
    return Manifest(
        version=version,
        robot_model=robot.model,
        task=task.name,
        observation_names=task.observation_names,
        action_names=robot.joint_names,
        period_s=task.period_s if period_s is None else period_s,
        position_min_rad=tuple(robot.position_min_rad.tolist()),
        position_max_rad=tuple(robot.position_max_rad.tolist()),
        velocity_max_rad_s=tuple(robot.velocity_max_rad_s.tolist()),
        algorithm=algorithm,
        layout_hash=row_layout(task).hash,
        weights_sha256=hashlib.sha256(weights_bytes).hexdigest(),
        parent_version=parent_version,
        train_rows=train_rows,
        created=(created or datetime.now(UTC)).isoformat(),
        metrics={k: float(v) for k, v in (metrics or {}).items() if math.isfinite(v)},
        policy=architecture,
    )
