"""A policy of D'Claw with a small planner around it, published where a planner process finds it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.planner_architecture import PlannerArchitecture, planner_shapes
from mbctl.policies.snapshot import Snapshot, build_snapshot, expected_shapes, save_snapshot
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from services.controller.planner.messages import UseVersion
from services.ipc.plan_exchange import PlanExchange
from services.ipc.segment import SegmentSizes, SharedSegment

TASK = "dclaw-turn-random"
SEARCH = {"horizon": 4, "population": 16, "iterations": 1, "elites": 4, "proposals": 2}


def planned_snapshot(version: int = 1, period_s: float | None = None, **search: Any) -> Snapshot:
    """An untrained policy and model; the model's steps are small."""
    task = make_task(TASK)
    rng = np.random.default_rng(version)
    planner = PlannerArchitecture(members=2, hidden=(16,), search={**SEARCH, **search})
    architecture = PolicyArchitecture(hidden=(16,), planner=planner)
    shapes = expected_shapes(architecture, len(task.observation_names), len(task.robot.joints))
    shapes |= planner_shapes(planner, task)
    weights = {n: rng.normal(0, 0.1, s).astype(np.float32) for n, s in shapes.items()}
    for name in shapes:
        if name.endswith("_scale"):
            weights[name] = np.ones(shapes[name], np.float32)
    weights["model.difference_scale"] *= np.float32(0.05)
    return build_snapshot(
        task,
        weights,
        version=version,
        algorithm="pal-mpc",
        architecture=architecture,
        period_s=period_s,
    )


@pytest.fixture(scope="session")
def task() -> Task:
    return make_task(TASK)


@pytest.fixture(scope="session")
def planned() -> Callable[..., Snapshot]:
    return planned_snapshot


@pytest.fixture
def put(tmp_path: Path) -> Callable[[Snapshot], UseVersion]:
    """Save a version and say what the planner is told of it."""

    def save(snapshot: Snapshot) -> UseVersion:
        path = save_snapshot(snapshot, tmp_path / "policies")
        manifest = snapshot.manifest
        return UseVersion(
            version=manifest.version, path=path, weights_sha256=manifest.weights_sha256
        )

    return save


@pytest.fixture
def segment() -> Iterator[SharedSegment]:
    with SharedSegment.create(SegmentSizes(rows=4096, policy=4096)) as made:
        yield made


@pytest.fixture
def exchange(segment: SharedSegment) -> Iterator[PlanExchange]:
    fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    yield PlanExchange(segment.plan_requests, segment.plans, *fds)
    for descriptor in fds:
        os.close(descriptor)
