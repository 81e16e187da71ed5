"""Tasks by name: the project's own and those that other installed packages bring."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hal.registry import DuplicateNameError
from mbctl.tasks.dclaw import DClawTask
from mbctl.tasks.dclaw_turn import DClawTurn
from mbctl.tasks.dkitty import DKittyTask
from mbctl.tasks.registry import TASKS, IncompleteTaskError, make_task, task
from mbctl.tasks.task import BaseTask
from tests.recipes import PROJECT, install, recipe

SETTLE = recipe("A task of an existing robot")["lab/settle.py"]

EPISODE = """
import numpy as np
from mbctl.tasks.registry import TASKS, make_task
from sim.environments import make_environment

assert {"dclaw-settle-fixed", "dclaw-settle-random"} < set(TASKS.names()), TASKS.broken()
environment = make_environment(make_task("dclaw-settle-random", "paper"))
start = environment.reset(np.random.default_rng(0))
assert 0.3 <= start.physical[18] <= 1.0
steps = [environment.step(np.zeros(9)) for _ in range(40)]
assert [step.truncated for step in steps] == [False] * 39 + [True]
assert steps[-1].reward == -abs(steps[-1].physical[18])
environment.close()
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a process where a package with one module and one entry point is installed."""

    def installed(text: str, value: str, code: str) -> subprocess.CompletedProcess[str]:
        points = f'[project.entry-points."mbctl.tasks"]\nsettle = "{value}"\n'
        install(tmp_path, {"lab/settle.py": text, PROJECT: points})
        path = os.pathsep.join([str(tmp_path), *sys.path])
        return subprocess.run(
            [sys.executable, "-P", "-c", code],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return installed


@pytest.mark.parametrize("value", ["lab.settle", "lab.settle:Settle"])
def test_a_task_of_an_existing_robot_is_one_file_of_another_package(run, value):
    assert len(SETTLE.splitlines()) < 60
    done = run(SETTLE, value, EPISODE)
    assert done.returncode == 0, done.stderr


def test_a_task_that_lacks_something_says_what_and_costs_no_other_name(run):
    text = SETTLE.replace("def reward", "def rewards").replace("episode_steps", "steps")
    code = (
        "from mbctl.tasks.registry import make_task\n"
        "print(make_task('dclaw-turn-fixed').name)\n"
        "make_task('dclaw-settle-fixed')\n"
    )
    done = run(text, "lab.settle", code)
    assert done.stdout.strip() == "dclaw-turn-fixed"
    assert "UnknownTaskError: unknown task 'dclaw-settle-fixed'" in done.stderr
    assert "of lab cannot load lab.settle" in done.stderr
    assert "Settle has no reward, episode_steps" in done.stderr


def test_a_class_that_cannot_be_a_task_is_refused():
    with pytest.raises(IncompleteTaskError, match=r"task 'lone': .*Lone is no BaseTask"):

        @task("lone")  # pyright: ignore[reportArgumentType]
        class Lone: ...

    with pytest.raises(IncompleteTaskError, match=r"task 'dkitty-sit': .*Sit has no falling"):

        @task("dkitty-sit")
        class Sit(DKittyTask):
            sample_start = sample_goal = reward = success = None  # pyright: ignore

    with pytest.raises(IncompleteTaskError, match="Push has no sample_goal"):

        @task("dclaw-push")
        class Push(DClawTask):
            goal_names = ("push_rad",)
            episode_steps = 40
            sample_start = reward = success = None  # pyright: ignore

    with pytest.raises(IncompleteTaskError, match="variants is 'fixed', expected a tuple"):
        task("dclaw-turn", variants="fixed")  # pyright: ignore[reportArgumentType]


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(DuplicateNameError, match=r"dclaw-turn-fixed.*mbctl\.tasks\.dclaw_turn"):

        @task("dclaw-turn", variants=("fixed",))
        class Again(DClawTurn): ...


def test_variants_are_parameters_of_one_class():
    fixed, random = (make_task(f"dclaw-turn-{variant}") for variant in ("fixed", "random"))
    assert type(fixed) is type(random)
    assert isinstance(fixed, BaseTask)
    assert fixed.variant == "fixed"


def test_names_are_those_of_all_modules_and_their_tasks_know_them():
    known = {"dclaw-turn-fixed", "dkitty-walk-random", "gym/Hopper-v5", "mbbl/Ant", "pal/Hopper"}
    assert known < set(TASKS.names())
    assert [make_task(name).name for name in TASKS.names()] == list(TASKS.names())


def test_finding_tasks_imports_no_torch():
    code = (
        "import sys; from mbctl.tasks.registry import TASKS, make_task\n"
        "assert 'mbctl.tasks.dclaw_turn' not in sys.modules\n"
        "for name in TASKS.names(): make_task(name)\n"
        "print({'torch', 'grpc', 'mujoco', 'gymnasium'} & sys.modules.keys())"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert run.stdout.strip() == "set()", run.stderr
