"""A run directory belongs to one run and to one session at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from mbctl.config import (
    AlgorithmConfig,
    ConfigError,
    ControllerConfig,
    TaskConfig,
    TrainerConfig,
)
from mbctl.config.models import Rhythm
from mbctl.exit_codes import StartUpError
from services.up.plan import Plan
from services.up.run_dir import RunDir


def plan_of(run_dir: Path, seed: int = 0) -> Plan:
    task = TaskConfig(name="dclaw-turn-random")
    return Plan(
        rhythm=Rhythm(),
        controller=ControllerConfig(task=task, run_dir=run_dir, seed=seed),
        trainer=TrainerConfig(
            task=task, run_dir=run_dir, seed=seed, algorithm=AlgorithmConfig(settings={"a": 1})
        ),
    )


def test_a_new_directory_is_claimed_and_resumed(tmp_path: Path):
    run_dir = RunDir(tmp_path / "a" / "run")
    plan = plan_of(run_dir.path)
    with run_dir.claimed(plan) as resumed:
        assert not resumed
    with run_dir.claimed(plan) as resumed:
        assert resumed
    assert Plan.model_validate_json(run_dir.plan.read_text()) == plan


def test_another_configuration_is_refused_with_the_key(tmp_path: Path):
    run_dir = RunDir(tmp_path / "run")
    with run_dir.claimed(plan_of(run_dir.path)):
        pass
    message = r"holds another run: controller\.seed is 0 there and 1 here; trainer\.seed"
    with pytest.raises(ConfigError, match=message):
        run_dir.check(plan_of(run_dir.path, seed=1))


def test_a_second_session_is_refused(tmp_path: Path):
    run_dir = RunDir(tmp_path / "run")
    plan = plan_of(run_dir.path)
    with run_dir.claimed(plan), pytest.raises(StartUpError, match="in use by another mbctl up"):
        run_dir.claimed(plan).__enter__()


def test_a_foreign_directory_is_refused(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match=r"not empty and holds no run\.json"):
        RunDir(tmp_path).check(plan_of(tmp_path))
    with pytest.raises(ConfigError, match="is a file"):
        RunDir(tmp_path / "thesis.tex").check(plan_of(tmp_path))


def test_a_damaged_plan_is_refused(tmp_path: Path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ConfigError, match="is damaged or of another version"):
        RunDir(tmp_path).check(plan_of(tmp_path))


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    run_dir = RunDir(tmp_path / "file" / "run")
    with (
        pytest.raises((StartUpError, ConfigError), match="run"),
        run_dir.claimed(plan_of(tmp_path)),
    ):
        pytest.fail("claimed a directory below a file")


def test_daemons_of_a_killed_session_are_waited_for(tmp_path: Path):
    run_dir = RunDir(tmp_path)
    run_dir.wait_for_predecessors(0.0)
    (tmp_path / "trainer").mkdir()
    lock = tmp_path / "trainer" / "trainer.lock"
    code = (
        "import fcntl, sys, time\n"
        "file = open(sys.argv[1], 'w')\nfcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\ntime.sleep(0.5)\n"
    )
    command = [sys.executable, "-P", "-c", code, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StartUpError, match=r"it holds .*trainer\.lock"):
            run_dir.wait_for_predecessors(0.1)
        run_dir.wait_for_predecessors(20.0)
        assert holder.wait(10) == 0
