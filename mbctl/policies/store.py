"""Snapshots on disk: a version appears whole or not at all; every size is capped on reading."""

import os
import shutil
from pathlib import Path

from mbctl.policies.bundle import Snapshot, snapshot_from_bytes
from mbctl.policies.manifest import MANIFEST_BYTES_MAX, SnapshotError
from mbctl.policies.weights import WEIGHTS_BYTES_MAX, encode_weights

MANIFEST_FILE = "manifest.json"
WEIGHTS_FILE = "policy.safetensors"


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
    _write_durably(draft / MANIFEST_FILE, snapshot.manifest.to_json())
    _write_durably(draft / WEIGHTS_FILE, encode_weights(snapshot.weights))
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
