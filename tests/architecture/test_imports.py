"""Who may import whom: the contracts of pyproject.toml hold, and a breach is noticed."""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("mbctl", "hal", "sim", "services", "protos")
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"

# (file, a line that must not be in it, the contract that it breaks)
PLANTED = [
    ("hal/limits.py", "import mbctl.tasks.task", "hal imports no sibling"),
    ("hal/clock.py", "import torch", "hal imports no sibling"),
    ("sim/robot.py", "import mbctl.policies.snapshot", "sim builds on hal, tasks and episodes"),
    ("protos/generate.py", "import hal.types", "protos imports no sibling"),
    ("mbctl/data/replay.py", "import grpc", "the core of mbctl knows no wire"),
    ("mbctl/models/fit.py", "import sim.scene", "the core of mbctl knows no wire"),
    ("mbctl/tasks/geometry.py", "import services.wire", "the core of mbctl knows no wire"),
    ("mbctl/results.py", "import mujoco", "the core of mbctl knows no wire"),
    ("mbctl/tasks/task.py", "import mbctl.models.fit", "dependencies run one way"),
    ("mbctl/nn/ensemble_mlp.py", "import mbctl.policies.snapshot", "dependencies run one way"),
    ("services/wire.py", "import mbctl.cli.printer", "dependencies run one way"),
    ("mbctl/study/shift.py", "import services.backoff", "dependencies run one way"),
    ("mbctl/episodes/seeding.py", "import mbctl.models.fit", "dependencies run one way"),
    ("mbctl/episodes/seeding.py", "import torch", "the control process has neither"),
    (
        "mbctl/cli/printer.py",
        "import protos.common_pb2",
        "the command line speaks through services",
    ),
    ("services/ipc/words.py", "import services.channel", "the control process has neither"),
    ("services/controller/control/loop.py", "import torch", "the control process has neither"),
    ("services/controller/lease.py", "import mbctl.models.fit", "have no torch"),
    ("mbctl/algorithms/memb/settings.py", "import torch", "known without torch"),
]


def contracts(root: Path) -> list[dict]:
    with (root / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["tool"]["importlinter"]["contracts"]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=100
    )


@pytest.fixture(scope="module")
def checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages to plant imports in."""
    copy = tmp_path_factory.mktemp("checkout")
    shutil.copy(root / "pyproject.toml", copy)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / package, copy / package, ignore=ignored)
    return copy


def test_every_contract_is_kept(checkout: Path):
    run = lint_imports(checkout)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(("name", "line", "contract"), PLANTED)
def test_a_planted_import_is_noticed(checkout: Path, name: str, line: str, contract: str):
    path = checkout / name
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        run = lint_imports(checkout)
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert run.returncode == 1, run.stdout + run.stderr
    broken = [line for line in run.stdout.splitlines() if " BROKEN" in line]
    assert any(contract in line for line in broken), run.stdout


def test_the_core_is_everything_but_the_command_line_and_studies(root: Path):
    (core,) = [c for c in contracts(root) if c["name"].startswith("the core of mbctl")]
    folders = [p.parent for p in (root / "mbctl").glob("*/__init__.py")]
    modules = [p.with_suffix("") for p in (root / "mbctl").glob("*.py")]
    expected = {f"mbctl.{p.name}" for p in (*folders, *modules)}
    above = {"mbctl.cli", "mbctl.study"}
    expected -= {*above, "mbctl.__init__", "mbctl.__main__"}
    assert set(core["source_modules"]) == expected
    (sim,) = [c for c in contracts(root) if c["name"].startswith("sim builds on")]
    forbidden = {name for name in sim["forbidden_modules"] if name.startswith("mbctl.")}
    assert forbidden == expected - {"mbctl.tasks", "mbctl.episodes"} | above


def imported(tree: ast.Module) -> Iterator[str]:
    """Full names of what a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(folder: Path, modules: set[str]) -> set[str]:
    """Files below the packages of `folder` that import one of `modules`."""
    found = {p for package in PACKAGES for p in (folder / package).rglob("*.py")}
    trees = {str(p.relative_to(folder)): ast.parse(p.read_text()) for p in found}
    return {name for name, tree in trees.items() if modules & set(imported(tree))}


@pytest.fixture(scope="module")
def learners() -> set[str]:
    """Modules that learners are built from."""
    from mbctl.algorithms.registry import ALGORITHMS

    found = {ALGORITHMS[name].learner.partition(":")[0] for name in ALGORITHMS.names()}
    assert len(found) >= 5
    return found


def test_nothing_but_the_registry_builds_a_learner(root: Path, learners: set[str]):
    """So algorithms are independent of one another, and shared parts of all of them."""
    assert not importers(root, learners)


@pytest.mark.parametrize("name", ["game/npg.py", "game/simultaneous.py", "registry.py"])
@pytest.mark.parametrize(
    "line", ["import {0}.{1}", "from {0} import {1}", "def f():\n    from {0}.{1} import Pal"]
)
def test_an_import_of_a_learner_is_noticed(
    tmp_path: Path, learners: set[str], name: str, line: str
):
    path = tmp_path / "mbctl" / "algorithms" / name
    path.parent.mkdir(parents=True)
    path.write_text(line.format("mbctl.algorithms.game", "stackelberg"))
    assert importers(tmp_path, learners) == {f"mbctl/algorithms/{name}"}


def test_packages_are_imported_from_this_checkout(root: Path):
    """Their names are generic enough that another distribution may bring one too."""
    import importlib

    for name in PACKAGES:
        module = importlib.import_module(name)
        assert module.__file__ is not None
        assert Path(module.__file__).parent == root / name
