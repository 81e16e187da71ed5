"""A policy version as a whole: in memory, as bytes, and on disk.

Its files are made once, by the learner. Whoever receives them keeps them as they are, so that their
hashes stay those of the learner; sizes are capped before anything is read.
"""

import os
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from mbctl.policies.manifest import (
    MANIFEST_BYTES_MAX,
    Manifest,
    PolicyArchitecture,
    SnapshotError,
    describe_policy,
    parse_manifest,
)
from mbctl.tasks.task import Task

MANIFEST_FILE = "manifest.json"
WEIGHTS_FILE = "policy.safetensors"
WEIGHTS_BYTES_MAX = 64 << 20
HEADER_BYTES_MAX = 1 << 20  # of the weights
_PACKED = struct.Struct("<8sQQ")
_MAGIC = b"MBCTLSN1"
PACKED_BYTES_MAX = _PACKED.size + MANIFEST_BYTES_MAX + WEIGHTS_BYTES_MAX

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Snapshot:
    """One policy version: what the robot needs to run it and to refuse it.

    Attributes:
        manifest: what it was made for, with the hash of the weights.
        weights: float32 arrays by name; see `expected_shapes`.
    """

    manifest: Manifest
    weights: Weights

    @cached_property
    def files(self) -> tuple[bytes, bytes]:
        """Contents of MANIFEST_FILE and WEIGHTS_FILE: as received, or made when first asked for.

        Raises:
            SnapshotError: SHAPE_MISMATCH for an array that is not float32.
        """
        return self.manifest.to_json(), encode_weights(self.weights)


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
    encoded = encode_weights(weights)
    manifest = describe_policy(
        task,
        encoded,
        version=version,
        algorithm=algorithm,
        architecture=architecture or PolicyArchitecture(),
        period_s=period_s,
        parent_version=parent_version,
        train_rows=train_rows,
        metrics=metrics,
        created=created,
    )
    return _with_files(manifest, weights, manifest.to_json(), encoded)


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
    weights = decode_weights(weights_bytes)
    return _with_files(manifest, weights, manifest_json, weights_bytes)


def policy_alone(snapshot: Snapshot) -> Snapshot:
    """The same without the planner's arrays, for who runs the policy; its entry stays."""
    if snapshot.manifest.policy.planner is None:
        return snapshot
    parts = ("model.", "value.")
    weights = {k: v for k, v in snapshot.weights.items() if not k.startswith(parts)}
    encoded = encode_weights(weights)
    found = sha256(encoded).hexdigest()
    manifest = snapshot.manifest.model_copy(update={"weights_sha256": found})
    return _with_files(manifest, weights, manifest.to_json(), encoded)


def _with_files(
    manifest: Manifest, weights: Weights, manifest_json: bytes, weights_bytes: bytes
) -> Snapshot:
    snapshot = Snapshot(manifest, weights)
    vars(snapshot)["files"] = manifest_json, weights_bytes  # where cached_property keeps them
    return snapshot


def pack_snapshot(snapshot: Snapshot) -> bytes:
    """Its files in one flat buffer, for the shared-memory policy slot."""
    manifest_json, weights = snapshot.files
    return _PACKED.pack(_MAGIC, len(manifest_json), len(weights)) + manifest_json + weights


def unpack_snapshot(data: bytes) -> Snapshot:
    """Undo `pack_snapshot`.

    Raises:
        SnapshotError: MANIFEST_INVALID when it is no packed snapshot, or as snapshot_from_bytes.
    """
    if len(data) < _PACKED.size:
        raise SnapshotError(f"{len(data)} bytes hold no packed snapshot", reason="MANIFEST_INVALID")
    magic, manifest_bytes, weights_bytes = _PACKED.unpack_from(data)
    if magic != _MAGIC or _PACKED.size + manifest_bytes + weights_bytes != len(data):
        raise SnapshotError(f"{len(data)} bytes hold no packed snapshot", reason="MANIFEST_INVALID")
    split = _PACKED.size + manifest_bytes
    return snapshot_from_bytes(data[_PACKED.size : split], data[split:])


def version_dir(versions_dir: Path, version: int) -> Path:
    """Where a version lives: versions/000017."""
    return versions_dir / f"{version:06d}"


def save_snapshot(snapshot: Snapshot, versions_dir: Path) -> Path:
    """Publish a version atomically: write beside it, fsync, rename, fsync the directory.

    Saving the same weights under the same version again changes nothing, so that a publisher may
    repeat its last step after a crash.

    Returns:
        The version's directory.

    Raises:
        SnapshotError: VERSION_EXISTS when the version is there with other weights.
        OSError: the disk refused.
    """
    target = version_dir(versions_dir, snapshot.manifest.version)
    if target.exists():
        _require_same(target, snapshot)
        return target
    versions_dir.mkdir(parents=True, exist_ok=True)
    draft = versions_dir / f".{target.name}.draft"
    if draft.exists():  # left by a publisher that died
        shutil.rmtree(draft)
    draft.mkdir()
    for name, content in zip((MANIFEST_FILE, WEIGHTS_FILE), snapshot.files, strict=True):
        _write_durably(draft / name, content)
    _sync_directory(draft)
    draft.rename(target)
    _sync_directory(versions_dir)
    return target


def load_snapshot(path: Path) -> Snapshot:
    """Read the snapshot in a version's directory.

    Raises:
        SnapshotError: SNAPSHOT_NOT_FOUND, or as snapshot_from_bytes.
    """
    manifest_json = _read_capped(path / MANIFEST_FILE, MANIFEST_BYTES_MAX, "MANIFEST_INVALID")
    weights = _read_capped(path / WEIGHTS_FILE, WEIGHTS_BYTES_MAX, "WEIGHTS_INVALID")
    return snapshot_from_bytes(manifest_json, weights)


def list_versions(versions_dir: Path) -> list[int]:
    """Published version numbers in ascending order; drafts and foreign names are left out."""
    if not versions_dir.is_dir():
        return []
    names = [entry.name for entry in versions_dir.iterdir()]
    return sorted(int(name) for name in names if len(name) == 6 and name.isdecimal())


def expected_shapes(
    architecture: PolicyArchitecture, observation_dim: int, action_dim: int
) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array that the architecture needs.

    The network maps (x - input_shift) / input_scale through the layers; `layers.{i}.weight` is
    [out, in]. The last layer of a squashed Gaussian gives [mean | log deviation].
    """
    squashed = architecture.kind == "squashed_gaussian_mlp"
    widths = (observation_dim, *architecture.hidden, action_dim * (2 if squashed else 1))
    shapes: dict[str, tuple[int, ...]] = {
        "input_shift": (observation_dim,),
        "input_scale": (observation_dim,),
    }
    if not squashed:
        shapes["log_std"] = (action_dim,)
    for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
        shapes[f"layers.{i}.weight"] = (fan_out, fan_in)
        shapes[f"layers.{i}.bias"] = (fan_out,)
    return shapes


def encode_weights(weights: Weights) -> bytes:
    """The bytes of policy.safetensors; equal weights give equal bytes.

    Raises:
        SnapshotError: SHAPE_MISMATCH for an array that is not float32.
    """
    for name, array in weights.items():
        if array.dtype != np.float32:
            raise SnapshotError(
                f"'{name}' is {array.dtype}, must be float32", reason="SHAPE_MISMATCH"
            )
    # A fresh copy in C order each: safetensors would store the buffer of a view as it lies.
    return safetensors.numpy.save({n: np.array(weights[n], order="C") for n in sorted(weights)})


def decode_weights(data: bytes) -> Weights:
    """Read policy.safetensors.

    Raises:
        SnapshotError: WEIGHTS_INVALID when it is too large or no safetensors file, SHAPE_MISMATCH
            for an array that is not float32.
    """
    if not 8 <= len(data) <= WEIGHTS_BYTES_MAX:
        raise SnapshotError(
            f"{len(data)} bytes of weights, must be 8 to {WEIGHTS_BYTES_MAX}",
            reason="WEIGHTS_INVALID",
        )
    header_bytes = struct.unpack_from("<Q", data)[0]
    if header_bytes > HEADER_BYTES_MAX:
        raise SnapshotError(
            f"header of {header_bytes} bytes, at most {HEADER_BYTES_MAX}", reason="WEIGHTS_INVALID"
        )
    try:
        weights = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise SnapshotError(f"no safetensors content: {error}", reason="WEIGHTS_INVALID") from error
    for name, array in weights.items():
        if array.dtype != np.float32:
            raise SnapshotError(
                f"'{name}' is {array.dtype}, must be float32", reason="SHAPE_MISMATCH"
            )
    return weights


def _require_same(target: Path, snapshot: Snapshot) -> None:
    present = load_snapshot(target).manifest.weights_sha256
    if present != snapshot.manifest.weights_sha256:
        raise SnapshotError(
            f"{target} holds other weights ({present[:12]}) than those to save "
            f"({snapshot.manifest.weights_sha256[:12]}); versions never change",
            reason="VERSION_EXISTS",
        )


def _read_capped(path: Path, limit: int, reason: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotError(f"there is no {path}", reason="SNAPSHOT_NOT_FOUND") from error
    if len(data) > limit:
        raise SnapshotError(f"{path} is larger than {limit} bytes", reason=reason)
    return data


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
