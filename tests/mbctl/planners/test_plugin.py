"""The recipe "A planner" of docs/extending.md, carried out: one file of another package."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recipes import RECIPES, install, recipe

ROOT = Path(__file__).parents[3]
METHOD = "adaptive-search"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a process in which the recipe's package is installed."""
    site = install(tmp_path, recipe("A planner"))
    return {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}


def python(environment: dict[str, str], *arguments: str) -> str:
    """What a Python process says that has mbctl and the recipe's package."""
    command = [sys.executable, *arguments]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_it_keeps_the_contract_of_every_planner(environment):
    pytest_run = ("-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", METHOD)
    contract = (f"tests/mbctl/planners/test_search{of}.py" for of in ("", "_for_robots"))
    said = python(environment, *pytest_run, *contract)
    assert int(re.search(r"(\d+) passed", said)[1]) >= 17


def test_settings_choose_it_without_torch(environment):
    program = f"""
import json, sys
from mbctl.config import load_trainer
keys = ["task.name=dclaw-turn-random", "run_dir=/tmp", "algorithm.name=pal-mpc"]
keys += ["algorithm.settings.planner.method={METHOD}", "algorithm.settings.planner.shrink=0.5"]
settings = load_trainer(None, keys, {{}}).algorithm.settings["planner"]
print(json.dumps([settings, "torch" in sys.modules]))
"""
    settings, has_torch = json.loads(python(environment, "-P", "-c", program))
    assert (settings["method"], settings["shrink"], settings["horizon"]) == (METHOD, 0.5, 12)
    assert not has_torch


def test_the_command_of_the_recipe_is_accepted(environment):
    text = RECIPES.read_text(encoding="utf-8")
    (command,) = re.findall(r"`mbctl (up [^`]*planner[^`]*)`", text)
    run = ("-P", "-m", "mbctl", *command.split(), "--check-config", "--task", "dclaw-turn-random")
    python(environment, *run)


def test_without_the_package_its_name_is_unknown():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    program = f"from mbctl.planners.settings import PLANNERS; PLANNERS[{METHOD!r}]"
    with pytest.raises(AssertionError, match=f"unknown planner method '{METHOD}'; known: cem"):
        python(environment, "-P", "-c", program)
