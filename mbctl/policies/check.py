"""Whether a snapshot may run on this robot and task: every field compared, then a dry run."""

import numpy as np

from mbctl.policies.manifest import Manifest, SnapshotError, row_layout
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.planner_architecture import POSITIVE_WEIGHTS, planner_shapes
from mbctl.policies.snapshot import Snapshot, expected_shapes
from mbctl.tasks.task import Task

DRY_RUN_OBSERVATIONS = 1000


def check_snapshot(
    snapshot: Snapshot,
    task: Task,
    *,
    period_s: float | None = None,
    dry_run: bool = True,
    with_planner: bool = True,
) -> None:
    """Refuse a snapshot that was not made for this robot, task and control period.

    Args:
        period_s: the control period in use; None means the task's own.
        dry_run: also run the policy on random observations (about 20 ms).
        with_planner: the arrays of a planner must be there too; otherwise they must not.

    Raises:
        SnapshotError: WRONG_ROBOT, WRONG_TASK, LAYOUT_MISMATCH, LIMITS_MISMATCH, PERIOD_MISMATCH,
            SHAPE_MISMATCH, WEIGHTS_NOT_FINITE, WEIGHTS_INVALID, DRY_RUN_FAILED.
    """
    _check_identity(snapshot, task)
    _check_layout(snapshot, task)
    _check_limits(snapshot, task)
    _check_period(snapshot, task.period_s if period_s is None else period_s)
    _check_weights(snapshot, task, with_planner)
    if dry_run:
        _dry_run(snapshot)


def _check_identity(snapshot: Snapshot, task: Task) -> None:
    manifest = snapshot.manifest
    if manifest.robot_model != task.robot.model:
        raise SnapshotError(
            f"version {manifest.version} is for robot '{manifest.robot_model}', "
            f"this controller drives '{task.robot.model}'",
            reason="WRONG_ROBOT",
        )
    if manifest.task != task.name:
        raise SnapshotError(
            f"version {manifest.version} is for task '{manifest.task}', "
            f"this controller runs '{task.name}'",
            reason="WRONG_TASK",
        )


def _check_layout(snapshot: Snapshot, task: Task) -> None:
    manifest = snapshot.manifest
    layout = row_layout(task)
    if manifest.layout_hash != layout.hash:
        raise SnapshotError(
            f"version {manifest.version} has row layout {manifest.layout_hash[:12]}, "
            f"this controller's is {layout.hash[:12]}",
            reason="LAYOUT_MISMATCH",
        )
    for kind, found, wanted in (
        ("observation", manifest.observation_names, layout.observation_names),
        ("action", manifest.action_names, layout.action_names),
    ):
        if found != wanted:
            raise SnapshotError(
                f"version {manifest.version}: {kind} columns {list(found)}, must be {list(wanted)}",
                reason="LAYOUT_MISMATCH",
            )


def _check_limits(snapshot: Snapshot, task: Task) -> None:
    for field in ("position_min_rad", "position_max_rad", "velocity_max_rad_s"):
        found = np.array(getattr(snapshot.manifest, field))
        wanted = getattr(task.robot, field)
        if found.shape != wanted.shape or not np.allclose(found, wanted, rtol=0, atol=1e-9):
            raise SnapshotError(
                f"version {snapshot.manifest.version}: {field} {found.tolist()}, "
                f"this robot's are {wanted.tolist()}",
                reason="LIMITS_MISMATCH",
            )


def _check_period(snapshot: Snapshot, period_s: float) -> None:
    found = snapshot.manifest.period_s
    if abs(found - period_s) > 1e-9:
        raise SnapshotError(
            f"version {snapshot.manifest.version} is for a control period of {found} s, "
            f"this controller runs at {period_s} s",
            reason="PERIOD_MISMATCH",
        )


def _check_weights(snapshot: Snapshot, task: Task, with_planner: bool) -> None:
    manifest = snapshot.manifest
    wanted = expected_shapes(
        manifest.policy, len(manifest.observation_names), len(manifest.action_names)
    )
    if with_planner and manifest.policy.planner is not None:
        wanted |= planner_shapes(manifest.policy.planner, task)
    found = {name: array.shape for name, array in snapshot.weights.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if found.get(name) != wanted.get(name):
            raise SnapshotError(
                f"version {manifest.version}: '{name}' has shape {found.get(name, 'absent')}, "
                f"must be {wanted.get(name, 'absent')}",
                reason="SHAPE_MISMATCH",
            )
    _check_reflection(manifest)
    for name, array in snapshot.weights.items():
        if not np.isfinite(array).all():
            raise SnapshotError(
                f"version {manifest.version}: {int((~np.isfinite(array)).sum())} values of "
                f"'{name}' are NaN or infinite",
                reason="WEIGHTS_NOT_FINITE",
            )
    for name in ("input_scale", *POSITIVE_WEIGHTS):
        if name in wanted and not (snapshot.weights[name] > 0).all():
            raise SnapshotError(
                f"version {manifest.version}: '{name}' must be above 0", reason="WEIGHTS_INVALID"
            )


def _check_reflection(manifest: Manifest) -> None:
    reflection = manifest.policy.reflection
    if reflection is None:
        return
    observations, actions = len(manifest.observation_names), len(manifest.action_names)
    fits = (
        0 <= reflection.selector < observations
        and sorted(reflection.observation_order) == list(range(observations))
        and sorted(reflection.action_order) == list(range(actions))
        and len(reflection.observation_sign) == observations
        and len(reflection.action_sign) == actions
        and set(reflection.observation_sign) | set(reflection.action_sign) <= {-1.0, 1.0}
    )
    if not fits:
        raise SnapshotError(
            f"version {manifest.version}: the policy's reflection is no signed permutation of "
            f"{observations} observation and {actions} action columns",
            reason="SHAPE_MISMATCH",
        )


def _dry_run(snapshot: Snapshot) -> None:
    policy = NumpyPolicy(snapshot)
    rng = np.random.default_rng(0)
    shift, scale = snapshot.weights["input_shift"], snapshot.weights["input_scale"]
    noise = rng.uniform(-5.0, 5.0, size=(DRY_RUN_OBSERVATIONS, shift.shape[0]))
    observations = (shift + scale * noise).astype(np.float32)
    for i, observation in enumerate(observations):
        action = policy.act(observation, rng if i % 2 else None)
        if not np.isfinite(action).all():
            raise SnapshotError(
                f"version {snapshot.manifest.version}: action {action.tolist()} for random "
                f"observation {i}, all must be finite",
                reason="DRY_RUN_FAILED",
            )
