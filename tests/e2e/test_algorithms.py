"""Every algorithm through both daemons: rows go one way, its versions the other, and act there."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mbctl.algorithms.planned.settings import PlannedSettings
from mbctl.algorithms.registry import ALGORITHMS
from mbctl.policies.snapshot import load_snapshot
from tests.mbctl.algorithms.cases import CASES

ROWS = {"initial_rows": 80, "rows_per_refit": 40}
SAMPLES = 160  # so three refits
QUICK = ("maac-mpc", "mbpo", "pal")  # one of each family, one with a planner; the others are slow


def assignments(settings: Mapping[str, Any], path: str = "algorithm") -> Iterator[str]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from assignments(value, f"{path}.{key}")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            yield f"--set={path}.{key}={text}"


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in sorted(CASES)]
)
def test_it_learns_from_the_rows_of_its_own_policies(name: str, tmp_path: Path, e2e: ModuleType):
    found = e2e.mbctl(
        "up",
        f"--run-dir={tmp_path / 'run'}",
        f"--algorithm={name}",
        f"--samples={SAMPLES}",
        "--json",
        *(f"--set={text}" for text in e2e.TINY_RHYTHM),
        *assignments({**CASES[name].settings, **ROWS}),
        timeout_s=110,
    )
    assert found.returncode == 0, found.stderr
    result = json.loads(found.stdout.splitlines()[-1])
    assert e2e.train_rows(Path(result["database"])).count == SAMPLES
    versions = sorted(Path(result["versions_dir"]).glob("[0-9]*"))
    newest = load_snapshot(versions[-1]).manifest
    assert (newest.version, newest.algorithm) == (4, name)
    plans = issubclass(ALGORITHMS[name].settings, PlannedSettings)
    assert (newest.policy.planner is not None) == plans
