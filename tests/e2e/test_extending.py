"""A package made by the recipes of docs/extending.md, through both daemons."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mbctl.policies.snapshot import load_snapshot
from tests.recipes import PROJECT, RECIPES, recipe, recipes, write

PIECES = {
    "A task of an existing robot": {".py": 1},
    "A robot": {".py": 1, ".xml": 1},
    "The first task of a robot of your own": {".py": 1},
    "An algorithm": {".py": 2, ".toml": 1},  # the preset may be left out
    "A planner": {".py": 1},
    "Something that looks on": {".py": 1},
}
RUN = [
    "up",
    "--algorithm=greedy",
    "--samples=80",
    "--set=algorithm.initial_rows=80",
    "--set=algorithm.updates=50",
    "--set=evaluate_every=80",
    "--set=evaluation_episodes=1",
    "--set=final_episodes=2",
    # not the usual ports, which another test's run may take between a look and a start
    "--set=controller.listen=127.0.0.1:0",
    "--set=trainer.listen=127.0.0.1:0",
    "--json",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where pip has installed the package; whatever is started from here on finds it."""
    files = recipes(*PIECES)
    project = recipe("A package of your own")[PROJECT] + "\n" + files[PROJECT]
    folder = write(tmp_path_factory.mktemp("lab"), {**files, PROJECT: project})
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", f"--target={site}"]
    subprocess.run([*pip, *offline, str(folder)], check=True, timeout=90)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        yield site


def up(e2e: ModuleType, task: str, run_dir: Path, *more: str) -> dict:
    done = e2e.mbctl(*RUN, f"--task={task}", f"--run-dir={run_dir}", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def learned(site: Path, tmp_path_factory: pytest.TempPathFactory, e2e: ModuleType) -> dict:
    """What a run says whose robot, task and algorithm are the package's."""
    return up(e2e, "arm-reach", tmp_path_factory.mktemp("up") / "run")


@pytest.mark.parametrize("title", PIECES)
def test_each_is_as_many_files_as_the_table_says(title: str):
    anchor = title.lower().replace(" ", "-")
    table = re.findall(rf"^\|.*\(\S*#{anchor}\) \| (\d)(.*?)\|", RECIPES.read_text(), re.MULTILINE)
    ((count, beside),) = table
    files = Counter(Path(name).suffix for name in recipe(title) if name != PROJECT)
    assert files == PIECES[title]
    assert files[".py"] == int(count)
    assert (".xml" in files) == ("MJCF" in beside)


def test_what_was_installed_is_listed_with_its_module(site: Path, e2e: ModuleType):
    for kind, name, module in (
        ("robots", "lab-arm", "lab.arm"),
        ("tasks", "arm-reach", "lab.reach"),
        ("tasks", "dclaw-settle-random", "lab.settle"),
        ("algorithms", "greedy", "lab.greedy.settings"),
        ("planners", "adaptive-search", "lab.adaptive_search"),
        ("subscribers", "recorder", "lab.recorder"),
    ):
        shown = e2e.mbctl_json("show", kind)
        assert shown["broken"] == {}
        assert {one["name"]: one["module"] for one in shown["entries"]}[name] == module


def test_they_learn_together_through_the_daemons(learned: dict, e2e: ModuleType):
    assert learned["complete"]
    assert (learned["samples"], learned["policy_version"]) == (80, 2)
    assert e2e.train_rows(Path(learned["database"])).count == 80
    newest = load_snapshot(Path(learned["versions_dir"]) / "000002").manifest
    assert (newest.robot_model, newest.task, newest.algorithm) == ("lab-arm", "arm-reach", "greedy")
    assert newest.train_rows == 80


def test_the_run_goes_on_and_is_looked_on_at(learned: dict, e2e: ModuleType):
    run_dir = Path(learned["run_dir"])
    path = "--set=controller.subscribers.recorder.path=cycles.jsonl"
    again = up(e2e, "arm-reach", run_dir, "--samples=120", path)
    assert (again["samples"], again["policy_version"]) == (120, 2)
    lines = (run_dir / "controller" / "cycles.jsonl").read_text().splitlines()
    seen = [json.loads(line) for line in lines]
    assert seen[0] == {"joints": ["base", "shoulder", "elbow"], "task": "arm-reach"}
    assert seen[-1] == {"closed": True}
    ended = [one["steps"] for one in seen if one.get("kind") == "finished"]
    assert ended == [20] * (2 + 2)  # 40 rows of training, then the last evaluation
    sent = [one for one in seen if one.get("episode") and one["sent"]]
    assert [one["step"] for one in sent] == [*range(20)] * 4


def test_a_task_of_theirs_runs_on_a_robot_of_ours(site: Path, tmp_path: Path, e2e: ModuleType):
    summary = up(e2e, "dclaw-settle-random", tmp_path / "run")
    assert (summary["samples"], summary["policy_version"]) == (80, 2)
    assert e2e.train_rows(Path(summary["database"])).count == 80


@pytest.mark.slow
def test_their_robot_runs_as_virtual_servos_too(site: Path, tmp_path: Path, e2e: ModuleType):
    summary = up(e2e, "arm-reach", tmp_path / "run", "--backend=virtual-bus")
    assert (summary["backend"], summary["policy_version"]) == ("virtual-bus", 2)


def test_without_the_package_its_names_are_told_to_be_unknown(
    learned: dict, e2e: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PYTHONPATH")
    done = e2e.mbctl(*RUN, "--task=arm-reach", f"--run-dir={learned['run_dir']}")
    assert done.returncode == 2
    assert "unknown algorithm 'greedy'" in done.stderr
    config = Path(learned["run_dir"]) / "controller.json"
    done = e2e.mbctl("controller", f"--config={config}")
    assert done.returncode == 2
    assert "unknown robot model 'lab-arm'" in done.stderr
