"""A policy with a planner through both daemons in lockstep: it plans, and it repeats."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from mbctl.policies.snapshot import load_snapshot

SEARCH = ["horizon=4", "population=16", "iterations=1", "elites=4"]
PLANNED = [
    "--algorithm=pal-mpc",
    *(f"--set=algorithm.planner.{text}" for text in SEARCH),
]


def run(e2e: ModuleType, run_dir: Path, seed: int) -> dict:
    found = e2e.mbctl(*e2e.up_arguments(run_dir, 160, seed, *PLANNED), timeout_s=110)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, e2e: ModuleType) -> dict:
    return run(e2e, tmp_path_factory.mktemp("planned") / "run", 3)


def test_versions_carry_the_planner_once_there_is_a_model(finished: dict):
    versions = Path(finished["versions_dir"])
    assert load_snapshot(versions / "000001").manifest.policy.planner is None
    planner = load_snapshot(versions / "000002").manifest.policy.planner
    assert planner is not None
    assert planner.search["horizon"] == 4


def test_the_same_seed_gives_the_same_rows(finished: dict, tmp_path: Path, e2e: ModuleType):
    again = run(e2e, tmp_path / "again", 3)
    first = e2e.train_rows(Path(finished["database"]))
    assert first.count == 160
    assert e2e.train_rows(Path(again["database"])) == first
    assert again["return"] == finished["return"]


def test_rows_are_those_of_the_planner(finished: dict, tmp_path: Path, e2e: ModuleType):
    """Another search, all else equal: only what was planned differs."""
    arguments = [*e2e.up_arguments(tmp_path / "other", 160, 3, *PLANNED)]
    arguments.append("--set=algorithm.planner.population=17")
    found = e2e.mbctl(*arguments, timeout_s=110)
    assert found.returncode == 0, found.stderr
    other = json.loads(found.stdout.splitlines()[-1])
    assert e2e.train_rows(Path(other["database"])) != e2e.train_rows(Path(finished["database"]))
