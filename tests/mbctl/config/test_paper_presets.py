"""Presets named after a paper cover the tasks of its tables, and follow the tables' rules."""

import pytest

from mbctl.config.check import PRESET_DIR, resolve_algorithm
from mbctl.config.models import AlgorithmConfig
from mbctl.tasks.registry import make_task

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
