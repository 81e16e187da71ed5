"""A task and a small snapshot for it."""

import numpy as np
import pytest

from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.snapshot import Snapshot, build_snapshot, expected_shapes
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task


@pytest.fixture(scope="session")
def task() -> Task:
    return make_task("dclaw-turn-random")


@pytest.fixture
def snapshot(task: Task) -> Snapshot:
    rng = np.random.default_rng(7)
    architecture = PolicyArchitecture(hidden=(16, 8))
    shapes = expected_shapes(architecture, len(task.observation_names), len(task.robot.joint_names))
    weights = {n: rng.normal(0, 0.3, shape).astype(np.float32) for n, shape in shapes.items()}
    weights["input_scale"] = np.abs(weights["input_scale"]) + 0.5
    return build_snapshot(
        task,
        weights,
        version=17,
        algorithm="pal",
        architecture=architecture,
        parent_version=16,
        train_rows=1200,
        metrics={"loss": 0.25, "undefined": float("nan")},
    )
