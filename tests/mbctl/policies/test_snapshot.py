import dataclasses
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import SnapshotError
from mbctl.policies.snapshot import (
    MANIFEST_FILE,
    WEIGHTS_FILE,
    Snapshot,
    build_snapshot,
    list_versions,
    load_snapshot,
    pack_snapshot,
    save_snapshot,
    snapshot_from_bytes,
    unpack_snapshot,
)
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task


def same(a: Snapshot, b: Snapshot) -> bool:
    return (
        a.manifest == b.manifest
        and a.weights.keys() == b.weights.keys()
        and all(np.array_equal(a.weights[name], b.weights[name]) for name in a.weights)
    )


def rebuilt(snapshot: Snapshot, task: Task, **changed: np.ndarray) -> Snapshot:
    return build_snapshot(
        task,
        {**snapshot.weights, **changed},
        version=snapshot.manifest.version,
        algorithm="pal",
        architecture=snapshot.manifest.policy,
    )


def test_disk_round_trip_keeps_everything(snapshot: Snapshot, task: Task, tmp_path: Path):
    path = save_snapshot(snapshot, tmp_path / "versions")
    assert path.name == "000017"
    assert same(load_snapshot(path), snapshot)
    check_snapshot(load_snapshot(path), task)
    assert list_versions(tmp_path / "versions") == [17]


def test_metrics_that_are_not_finite_are_left_out(snapshot: Snapshot):
    assert snapshot.manifest.metrics == {"loss": 0.25}


def test_pack_round_trip(snapshot: Snapshot):
    assert same(unpack_snapshot(pack_snapshot(snapshot)), snapshot)


def test_files_stay_as_they_were_received(snapshot: Snapshot, tmp_path: Path):
    manifest, weights = snapshot.files
    compact = json.dumps(json.loads(manifest)).encode()  # as another trainer may write it
    received = snapshot_from_bytes(compact, weights)
    path = save_snapshot(received, tmp_path)
    assert (path / MANIFEST_FILE).read_bytes() == compact
    assert (path / WEIGHTS_FILE).read_bytes() == weights
    for again in (load_snapshot(path), unpack_snapshot(pack_snapshot(received))):
        assert again.files == (compact, weights)
        assert same(again, snapshot)


def test_a_changed_snapshot_has_files_of_its_own(snapshot: Snapshot):
    manifest = snapshot.manifest.model_copy(update={"train_rows": 999})
    changed = dataclasses.replace(snapshot, manifest=manifest)
    assert snapshot_from_bytes(*changed.files).manifest.train_rows == 999
    assert changed.files[1] == snapshot.files[1]


def test_saving_again_changes_nothing_but_other_weights_are_refused(
    snapshot: Snapshot, task: Task, tmp_path: Path
):
    path = save_snapshot(snapshot, tmp_path)
    before = (path / MANIFEST_FILE).read_bytes()
    assert save_snapshot(rebuilt(snapshot, task), tmp_path) == path
    assert (path / MANIFEST_FILE).read_bytes() == before
    other = rebuilt(snapshot, task, log_std=snapshot.weights["log_std"] + 1)
    with pytest.raises(SnapshotError, match="VERSION_EXISTS"):
        save_snapshot(other, tmp_path)


def test_a_dead_publishers_draft_is_no_version(snapshot: Snapshot, tmp_path: Path):
    draft = tmp_path / ".000017.draft"
    draft.mkdir()
    (draft / MANIFEST_FILE).write_text("{")
    assert list_versions(tmp_path) == []
    assert same(load_snapshot(save_snapshot(snapshot, tmp_path)), snapshot)
    assert not draft.exists()


def test_missing_version_is_named(tmp_path: Path):
    with pytest.raises(SnapshotError, match=r"SNAPSHOT_NOT_FOUND.*000003"):
        load_snapshot(tmp_path / "000003")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"surprise": 1}, "surprise"),
        ({"version": 0}, "version"),
        ({"period_s": -0.1}, "period_s"),
        ({"policy": {"kind": "python", "hidden": [8]}}, "policy"),
        ({"weights_sha256": "abc"}, "weights_sha256"),
        ({"created": None}, "created"),
    ],
)
def test_bad_manifest_names_the_field(snapshot: Snapshot, tmp_path: Path, change, named):
    path = save_snapshot(snapshot, tmp_path)
    manifest = json.loads((path / MANIFEST_FILE).read_bytes())
    (path / MANIFEST_FILE).write_text(json.dumps({**manifest, **change}))
    with pytest.raises(SnapshotError) as caught:
        load_snapshot(path)
    assert caught.value.reason == "MANIFEST_INVALID"
    assert named in caught.value.message


def test_huge_manifest_is_refused_unread(snapshot: Snapshot, tmp_path: Path):
    path = save_snapshot(snapshot, tmp_path)
    (path / MANIFEST_FILE).write_bytes(b" " * (1 << 21))
    with pytest.raises(SnapshotError, match=r"MANIFEST_INVALID.*larger"):
        load_snapshot(path)


def test_flipped_weight_byte_is_a_hash_mismatch(snapshot: Snapshot, tmp_path: Path):
    path = save_snapshot(snapshot, tmp_path)
    data = bytearray((path / WEIGHTS_FILE).read_bytes())
    data[-1] ^= 1
    (path / WEIGHTS_FILE).write_bytes(data)
    with pytest.raises(SnapshotError, match="WEIGHTS_HASH_MISMATCH"):
        load_snapshot(path)


def with_weights_bytes(snapshot: Snapshot, data: bytes) -> tuple[bytes, bytes]:
    from hashlib import sha256

    manifest = snapshot.manifest.model_copy(update={"weights_sha256": sha256(data).hexdigest()})
    return manifest.to_json(), data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04.",  # a pickle
        struct.pack("<Q", 1 << 40) + b"{}",
        struct.pack("<Q", 2) + b"{]",
        struct.pack("<Q", 60) + b'{"x":{"dtype":"F32","shape":[9],"data_offsets":[0,99999]}}  ',
    ],
)
def test_hostile_weights_are_refused(snapshot: Snapshot, data: bytes):
    with pytest.raises(SnapshotError, match="WEIGHTS_INVALID"):
        snapshot_from_bytes(*with_weights_bytes(snapshot, data))


def test_weights_of_another_type_are_refused(snapshot: Snapshot):
    data = safetensors.numpy.save({"log_std": np.zeros(9)})
    with pytest.raises(SnapshotError, match=r"SHAPE_MISMATCH.*float64"):
        snapshot_from_bytes(*with_weights_bytes(snapshot, data))


@given(st.binary(max_size=200))
def test_no_bytes_crash_unpack(data: bytes):
    with pytest.raises(SnapshotError):
        unpack_snapshot(data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"robot_model": "dkitty"}, "WRONG_ROBOT"),
        ({"task": "dclaw-turn-fixed"}, "WRONG_TASK"),
        ({"layout_hash": "0" * 64}, "LAYOUT_MISMATCH"),
        ({"action_names": tuple("abcdefghi")}, "LAYOUT_MISMATCH"),
        ({"position_max_rad": (9.0,) * 9}, "LIMITS_MISMATCH"),
        ({"velocity_max_rad_s": (1.0,)}, "LIMITS_MISMATCH"),
        ({"period_s": 0.2}, "PERIOD_MISMATCH"),
    ],
)
def test_check_refuses_what_was_made_for_something_else(
    snapshot: Snapshot, task: Task, change, reason
):
    manifest = snapshot.manifest.model_copy(update=change)
    with pytest.raises(SnapshotError) as caught:
        check_snapshot(dataclasses.replace(snapshot, manifest=manifest), task)
    assert caught.value.reason == reason


def test_check_uses_the_period_in_use(snapshot: Snapshot, task: Task):
    with pytest.raises(SnapshotError, match="PERIOD_MISMATCH"):
        check_snapshot(snapshot, task, period_s=0.01)


def test_snapshot_of_another_observation_is_refused(snapshot: Snapshot):
    with pytest.raises(SnapshotError, match="LAYOUT_MISMATCH"):
        check_snapshot(snapshot, make_task("dclaw-turn-random", "robel"))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("layers.1.weight", np.zeros((3, 3), np.float32), "SHAPE_MISMATCH"),
        ("surprise", np.zeros(3, np.float32), "SHAPE_MISMATCH"),
        ("layers.0.bias", np.full(16, np.nan, np.float32), "WEIGHTS_NOT_FINITE"),
        ("log_std", np.full(9, np.inf, np.float32), "WEIGHTS_NOT_FINITE"),
        ("log_std", np.full(9, 200.0, np.float32), "DRY_RUN_FAILED"),
        ("layers.2.weight", np.full((9, 8), 3e38, np.float32), "DRY_RUN_FAILED"),
    ],
)
def test_check_refuses_bad_weights(snapshot: Snapshot, task: Task, name, value, reason):
    with pytest.raises(SnapshotError) as caught:
        check_snapshot(rebuilt(snapshot, task, **{name: value}), task)
    assert caught.value.reason == reason


def test_check_refuses_a_missing_array_and_a_zero_scale(snapshot: Snapshot, task: Task):
    weights = {n: a for n, a in snapshot.weights.items() if n != "log_std"}
    with pytest.raises(SnapshotError, match=r"SHAPE_MISMATCH.*'log_std' has shape absent"):
        check_snapshot(dataclasses.replace(snapshot, weights=weights), task)
    zero = rebuilt(snapshot, task, input_scale=0 * snapshot.weights["input_scale"])
    with pytest.raises(SnapshotError, match="WEIGHTS_INVALID"):
        check_snapshot(zero, task)
