"""Algorithms register themselves, those of other packages too: as docs/extending.md tells it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hal.registry import DuplicateNameError
from mbctl.algorithms.registry import (
    ALGORITHMS,
    AlgorithmDefinition,
    LearnerError,
    UnknownAlgorithmError,
    algorithm,
    build_algorithm,
)
from mbctl.algorithms.sac.settings import SacSettings
from tests.conformance.point_mass import PointMass
from tests.mbctl.algorithms.cases import PRESET_DIR
from tests.recipes import install, recipe

ROOT = Path(__file__).parents[3]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run Python in a process where the recipe's package is installed."""
    install(tmp_path, recipe("An algorithm"))
    path = os.pathsep.join([str(tmp_path), *sys.path])

    def installed(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            env={**os.environ, "PYTHONPATH": path},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=280,
        )

    return installed


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "suite",
    [
        "mbctl/algorithms/test_contract.py",
        pytest.param("e2e/test_algorithms.py", marks=pytest.mark.slow),  # through both daemons
    ],
)
def test_an_algorithm_of_another_package_is_held_to_what_ours_are(run, suite):
    options = ("-q", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib")
    done = run("-m", "pytest", *options, f"tests/{suite}", "-k", "greedy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE), done.stdout


def test_its_name_settings_and_presets_are_known_without_torch(run):
    code = """
import sys
from mbctl.algorithms.registry import ALGORITHMS
from mbctl.config.check import resolve_algorithm
from mbctl.config.models import AlgorithmConfig

assert ALGORITHMS.names()[-1] == "greedy" and ALGORITHMS.broken() == {}
chosen = AlgorithmConfig(name="greedy", settings={"updates": "50"})
settings = resolve_algorithm(chosen).settings
assert settings["learning_rate"] == 0.02 and settings["updates"] == 50
assert not {"torch", "lab.greedy.learner"} & sys.modules.keys()
"""
    done = run("-c", code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("is_package", [True, False])
def test_presets_are_optional(run, tmp_path, is_package):
    configs = tmp_path / "lab" / "configs"
    (configs / "greedy.toml").rename(configs / "greedy-notes.txt")  # no preset
    if not is_package:
        text = (tmp_path / "lab/greedy/settings.py").read_text()
        (tmp_path / "greedy_settings.py").write_text(text)
        points = tmp_path / "lab-1.0.dist-info" / "entry_points.txt"
        points.write_text("[mbctl.algorithms]\ngreedy = greedy_settings\n")
    code = """
from mbctl.algorithms.registry import ALGORITHMS
from mbctl.config.check import preset_observation, resolve_algorithm
from mbctl.config.models import AlgorithmConfig

assert ALGORITHMS["greedy"].presets() == {}
assert resolve_algorithm(AlgorithmConfig(name="greedy")).settings["learning_rate"] == 0.01
assert preset_observation("greedy", "default") == "default"
resolve_algorithm(AlgorithmConfig(name="greedy", preset="paper"))
"""
    done = run("-c", code)
    assert "no such preset for greedy; known: default" in done.stderr


def test_a_broken_package_costs_its_own_names_alone(run, tmp_path):
    (tmp_path / "lab/greedy/settings.py").write_text("import nothing_like_it\n")
    code = """
from mbctl.algorithms.registry import algorithm_config
assert algorithm_config("pal", {}).npg_steps == 4
algorithm_config("greedy", {})
"""
    done = run("-c", code)
    assert "UnknownAlgorithmError: unknown algorithm 'greedy'" in done.stderr
    assert "'greedy' (mbctl.algorithms) of lab cannot load lab.greedy.settings" in done.stderr
    assert "No module named 'nothing_like_it'" in done.stderr


def test_importing_the_registry_and_every_settings_module_imports_no_torch():
    code = (
        "import sys\n"
        "from mbctl.algorithms.registry import ALGORITHMS\n"
        "assert len(ALGORITHMS.names()) >= 13\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT, timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize("name", ALGORITHMS.names())
def test_each_of_ours_is_built_by_its_name(name):
    learner = build_algorithm(name, {}, PointMass(), 0)
    assert learner.settings == ALGORITHMS[name].settings()


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        ("mbctl.no_such_module:Sac", "No module named 'mbctl.no_such_module'"),
        ("mbctl.algorithms.sac.sac:Sax", "has no attribute 'Sax'"),
        ("mbctl.algorithms.sac.sac", "must be 'module:callable'"),
        (":Sac", "Empty module name"),
    ],
)
def test_a_learner_that_cannot_be_made_is_told_of(learner, message):
    made = AlgorithmDefinition("odd", SacSettings, learner, "mbctl")
    with pytest.raises(LearnerError, match=message) as error:
        made.build(SacSettings(), PointMass(), 0)
    assert "'odd'" in str(error.value)
    assert learner in str(error.value)


class _HalfALearner:
    def __init__(self, task, settings, seed, device):
        self.settings = settings

    def refit(self, replay, progress):
        return {}


def test_a_learner_that_lacks_a_move_is_refused():
    made = AlgorithmDefinition("half", SacSettings, f"{__name__}:_HalfALearner", "mbctl")
    with pytest.raises(LearnerError, match="lacks improve, load_state, snapshot, state"):
        made.build(SacSettings(), PointMass(), 0)


def test_a_name_belongs_to_one_definition():
    with pytest.raises(DuplicateNameError, match=r"is defined in mbctl\.algorithms\.sac\.settings"):
        algorithm("sac", learner="x:Y")(type("Other", (SacSettings,), {"__module__": __name__}))
    with pytest.raises(UnknownAlgorithmError, match="did you mean 'sac'"):
        ALGORITHMS["sax"]


@pytest.mark.parametrize("name", ["Greedy", "greedy 2", "", "a" * 65])
def test_a_name_that_no_configuration_could_hold_is_refused(name: str):
    with pytest.raises(ValueError, match=rf"algorithm '{name}': .* small letters, digits"):
        algorithm(name, learner="x:Y")(type("Other", (SacSettings,), {"__module__": __name__}))


def test_an_algorithm_of_another_package_takes_no_preset_of_ours(run):
    code = """
from mbctl.algorithms.registry import ALGORITHMS, AlgorithmDefinition
from mbctl.algorithms.sac.settings import SacSettings
ALGORITHMS.define("pal-paper", AlgorithmDefinition("pal-paper", SacSettings, "x:Y", "lab"), "lab")
assert "paper" in ALGORITHMS["pal"].presets(), ALGORITHMS["pal"].presets()
assert list(ALGORITHMS["pal-paper"].presets()) == []
"""
    done = run("-c", code)
    assert done.returncode == 0, done.stderr


def test_every_preset_s_file_belongs_to_one_algorithm():
    found = [
        file.name for name in ALGORITHMS.names() for file in ALGORITHMS[name].presets().values()
    ]
    assert sorted(found) == sorted(path.name for path in PRESET_DIR.glob("*.toml"))
    assert list(ALGORITHMS["pal"].presets())[:2] == ["default", "fast"]
