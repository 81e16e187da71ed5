"""Presets named after a paper cover the tasks of its tables, and follow the tables' rules."""

import pytest

from mbctl.algorithms.registry import algorithm_config
from mbctl.config.check import resolve_algorithm
from mbctl.config.models import AlgorithmConfig
from mbctl.tasks.registry import make_task
from tests.mbctl.algorithms.cases import PRESET_DIR

GYM = {
    "inverted-pendulum": "gym/InvertedPendulum-v5",
    "hopper": "gym/Hopper-v5",
    "ant": "gym/Ant-v5",
}
OURS = {"dkitty-orient": "dkitty-orient-random"}
COLUMNS = {
    "pal": (*GYM, *OURS),
    "mal": (*GYM, *OURS),
    "mbpo": (*GYM, "half-cheetah", "walker2d", "humanoid"),
    "ddppo": (*GYM, "half-cheetah", "walker2d", "humanoid"),
    "maac": ("hopper", "ant", "half-cheetah", "walker2d"),
    "memb": (
        "pendulum",
        "inverted-pendulum",
        "half-cheetah",
        "hopper",
        "walker2d",
        "swimmer",
        "reacher",
    ),
}


@pytest.mark.parametrize("algorithm", COLUMNS)
def test_each_column_of_a_table_is_a_preset(algorithm):
    stems = {path.stem for path in PRESET_DIR.glob(f"{algorithm}-paper-*.toml")}
    assert {f"{algorithm}-paper-{column}" for column in COLUMNS[algorithm]} <= stems


@pytest.mark.parametrize("name", [*GYM, *OURS])
@pytest.mark.parametrize(("algorithm", "share", "most"), [("pal", 5, 1000), ("mal", 20, 3000)])
def test_rows_between_refits_follow_the_horizon(algorithm, share, most, name):
    """Tables 2 and 3 of the PAL/MAL paper."""
    task = make_task({**GYM, **OURS}[name])
    config = AlgorithmConfig(name=algorithm, preset=f"paper-{name}")
    settings = resolve_algorithm(config).settings
    assert settings["rows_per_refit"] == min(share * task.episode_steps, most)
    assert settings["intermediate_fraction"] == (0.5 if name in GYM else 0.0)
    common = resolve_algorithm(AlgorithmConfig(name=algorithm, preset="paper")).settings
    changed = {key for key in common if common[key] != settings[key]}
    assert changed <= {"rows_per_refit", "intermediate_fraction"}


@pytest.mark.parametrize("algorithm", ["pal", "mal", "pal-mpc", "mal-mpc"])
def test_paper_presets_of_the_game_are_the_papers_values(algorithm):
    """An algorithm's own defaults are those of Tables 1 to 3, and the authors' batch of the value.
    Passes, rows of the Fisher matrix and that batch are what a faster preset takes less of."""
    table_3 = {"model_epochs": 10, "npg_steps": 25, "initial_rows": 5000}
    table_2 = {"model_epochs": 100, "npg_steps": 4, "initial_rows": 2500, "buffer_rows": 2500}
    defaults = algorithm_config(algorithm, {}).model_dump(mode="json")
    stems = [path.stem for path in PRESET_DIR.glob(f"{algorithm}-paper*.toml")]
    for stem in stems:
        config = AlgorithmConfig(name=algorithm, preset=stem.removeprefix(f"{algorithm}-"))
        settings = resolve_algorithm(config).settings
        changed = {key for key in defaults if defaults[key] != settings[key]}
        assert changed <= {"rows_per_refit", "intermediate_fraction", "planner"}, stem
        assert settings.items() >= (table_2 if "pal" in algorithm else table_3).items()
        assert settings["fisher_rows"] >= 4 * 200 * 500  # every imagined row there can be
        assert settings["value_batch"] == 128
    assert stems


@pytest.mark.parametrize("algorithm", ["pal", "mal"])
def test_the_released_configuration_takes_all_rows_too(algorithm):
    config = AlgorithmConfig(name=algorithm, preset="released-hopper")
    settings = resolve_algorithm(config).settings
    assert settings["fisher_rows"] >= 4 * settings["rollouts"] * 500
    assert settings["value_batch"] == 128
