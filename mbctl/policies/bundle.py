"""A whole snapshot in memory and as bytes: built by the learner, packed for the control process."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from mbctl.policies.manifest import (
    MANIFEST_BYTES_MAX,
    Manifest,
    PolicyArchitecture,
    SnapshotError,
    describe_policy,
    parse_manifest,
)
from mbctl.policies.weights import WEIGHTS_BYTES_MAX, Weights, decode_weights, encode_weights
from mbctl.tasks.task import Task

_HEADER = struct.Struct("<8sQQ")
_MAGIC = b"MBCTLSN1"
PACKED_BYTES_MAX = _HEADER.size + MANIFEST_BYTES_MAX + WEIGHTS_BYTES_MAX


@dataclass(frozen=True)
class Snapshot:
    """One policy version: what the robot needs to run it and to refuse it.

    Attributes:
        manifest: what it was made for, with the hash of the weights.
        weights: float32 arrays by name; see mbctl.policies.weights.expected_shapes.
    """

    manifest: Manifest
    weights: Weights


def build_snapshot(
    task: Task,
    weights: Weights,
    *,
    version: int,
    algorithm: str,
    architecture: PolicyArchitecture | None = None,
    period_s: float | None = None,
    parent_version: int = 0,
    train_rows: int = 0,
    metrics: Mapping[str, float] | None = None,
    created: datetime | None = None,
) -> Snapshot:
    """A snapshot of `weights` for `task`; its period is the task's unless given.

    Raises:
        SnapshotError: SHAPE_MISMATCH for an array that is not float32.
    """
    manifest = describe_policy(
        task,
        encode_weights(weights),
        version=version,
        algorithm=algorithm,
        architecture=architecture or PolicyArchitecture(),
        period_s=period_s,
        parent_version=parent_version,
        train_rows=train_rows,
        metrics=metrics,
        created=created,
    )
    return Snapshot(manifest, weights)


def snapshot_from_bytes(manifest_json: bytes, weights_bytes: bytes) -> Snapshot:
    """Rebuild a snapshot from the content of its two files.

    Raises:
        SnapshotError: MANIFEST_INVALID, WEIGHTS_HASH_MISMATCH, WEIGHTS_INVALID, SHAPE_MISMATCH.
    """
    manifest = parse_manifest(manifest_json)
    found = sha256(weights_bytes).hexdigest()
    if found != manifest.weights_sha256:
        raise SnapshotError(
            f"version {manifest.version}: weights have SHA-256 {found}, "
            f"the manifest says {manifest.weights_sha256}",
            reason="WEIGHTS_HASH_MISMATCH",
        )
    return Snapshot(manifest, decode_weights(weights_bytes))


def policy_alone(snapshot: Snapshot) -> Snapshot:
    """The same without the planner's arrays, for who runs the policy; its entry stays."""
    if snapshot.manifest.policy.planner is None:
        return snapshot
    parts = ("model.", "value.")
    weights = {k: v for k, v in snapshot.weights.items() if not k.startswith(parts)}
    found = sha256(encode_weights(weights)).hexdigest()
    return Snapshot(snapshot.manifest.model_copy(update={"weights_sha256": found}), weights)


def pack_snapshot(snapshot: Snapshot) -> bytes:
    """One flat buffer for the shared-memory policy slot."""
    manifest_json = snapshot.manifest.to_json()
    weights = encode_weights(snapshot.weights)
    return _HEADER.pack(_MAGIC, len(manifest_json), len(weights)) + manifest_json + weights


def unpack_snapshot(data: bytes) -> Snapshot:
    """Undo `pack_snapshot`.

    Raises:
        SnapshotError: MANIFEST_INVALID when it is no packed snapshot, or as snapshot_from_bytes.
    """
    if len(data) < _HEADER.size:
        raise SnapshotError(f"{len(data)} bytes hold no packed snapshot", reason="MANIFEST_INVALID")
    magic, manifest_bytes, weights_bytes = _HEADER.unpack_from(data)
    if magic != _MAGIC or _HEADER.size + manifest_bytes + weights_bytes != len(data):
        raise SnapshotError(f"{len(data)} bytes hold no packed snapshot", reason="MANIFEST_INVALID")
    split = _HEADER.size + manifest_bytes
    return snapshot_from_bytes(data[_HEADER.size : split], data[split:])
