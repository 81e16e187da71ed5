"""The public face of snapshots: everything that learner, controller and control process share."""

from mbctl.policies.bundle import (
    PACKED_BYTES_MAX,
    Snapshot,
    build_snapshot,
    pack_snapshot,
    policy_alone,
    snapshot_from_bytes,
    unpack_snapshot,
)
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import Manifest, PolicyArchitecture, SnapshotError, row_layout
from mbctl.policies.planner_architecture import (
    PlannerArchitecture,
    ValueArchitecture,
    planner_shapes,
)
from mbctl.policies.store import (
    MANIFEST_FILE,
    WEIGHTS_FILE,
    list_versions,
    load_snapshot,
    save_snapshot,
    version_dir,
)
from mbctl.policies.weights import Weights, expected_shapes

__all__ = [
    "MANIFEST_FILE",
    "PACKED_BYTES_MAX",
    "WEIGHTS_FILE",
    "Manifest",
    "PlannerArchitecture",
    "PolicyArchitecture",
    "Snapshot",
    "SnapshotError",
    "ValueArchitecture",
    "Weights",
    "build_snapshot",
    "check_snapshot",
    "expected_shapes",
    "list_versions",
    "load_snapshot",
    "pack_snapshot",
    "planner_shapes",
    "policy_alone",
    "row_layout",
    "save_snapshot",
    "snapshot_from_bytes",
    "unpack_snapshot",
    "version_dir",
]
