"""What is MAAC's own: when it imagines, how much it updates, what it hands to a planner."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from mbctl.algorithms.branched.maac import Maac
from mbctl.algorithms.branched.settings import MaacSettings
from mbctl.config.check import read_preset
from mbctl.data.replay import Replay
from mbctl.planners.terminal_value import TwinQValue
from mbctl.tasks.registry import make_task
from tests.conformance.algorithm import Told
from tests.conformance.point_mass import LAYOUT, PointMass
from tests.mbctl.algorithms.cases import CASES, PRESET_DIR

TASK = PointMass()
SMALL = CASES["maac"].settings
PRESETS = sorted(p for p in PRESET_DIR.glob("maac*.toml") if "-mpc" not in p.stem)


def make(**changes: object) -> Maac:
    return Maac(TASK, MaacSettings.model_validate({**SMALL, **changes}), 0)


def rows(count: int, seed: int = 0) -> np.ndarray:
    """Steps of random actions from random states."""
    rng = np.random.default_rng(seed)
    made = np.zeros((count, LAYOUT.width), dtype=np.float32)
    physical, goal = rng.normal(size=(count, 4)), rng.normal(size=(count, 2))
    action = rng.uniform(-1, 1, (count, 2))
    after = TASK.step(physical, action)
    made[:, LAYOUT.observation] = TASK.observation(physical, action, goal)
    made[:, LAYOUT.action] = action
    made[:, LAYOUT.reward] = TASK.reward(after, goal)
    made[:, LAYOUT.next_observation] = TASK.observation(after, action, goal)
    made[:, LAYOUT.valid] = 1.0
    return made


def filled(count: int = 60) -> Replay:
    replay = Replay(LAYOUT, None)
    replay.append(rows(count), np.arange(count) % 10)
    return replay


def test_first_rows_are_worth_one_refits_and_later_ones_what_they_are():
    algorithm = make(updates_per_row=0.5, rows_per_refit=20)
    assert algorithm.updates_due(60) == 10
    algorithm.rows_used = 60
    assert algorithm.updates_due(81) == 10
    assert algorithm.updates_due(60) == 10  # asked for without new rows


def test_samples_are_those_of_the_fit_and_the_real_share():
    algorithm, replay = make(updates_per_row=0.5, batch=16, real_share=0.25), filled()
    fit = algorithm.refit(replay, Told())["model_samples"]
    metrics = algorithm.improve(replay, Told())
    assert metrics["model_samples"] == fit + 10 * 4


@pytest.mark.parametrize(("blocks", "retained"), [(1, 1), (2, 3), (5, 2)])
def test_each_block_begins_with_new_rollouts_and_old_ones_are_dropped(blocks, retained):
    algorithm = make(
        rollout_blocks=blocks, rollouts=8, retained_refits=retained, horizon_schedule=[1, 1, 0, 1]
    )
    replay = filled()
    algorithm.refit(replay, Told())
    for _ in range(2):
        assert algorithm.improve(replay, Told())["imagined_rows"] == 8 * blocks
    assert len(algorithm.imagined.replay) == 8 * min(2 * blocks, retained)


def test_a_planner_gets_the_smaller_value_of_the_policys_action():
    algorithm = make()
    value = TwinQValue(TASK, algorithm.policy, algorithm.critic)
    generator = torch.Generator().manual_seed(0)
    physical, last, goal = (torch.randn(3, 5, n, generator=generator) for n in (4, 2, 2))
    told = value(physical, last, goal)
    assert told.shape == (3, 5)
    seen = TASK.observation(physical[1], last[1], goal[1])
    q = algorithm.critic.values(seen, algorithm.policy.mean(seen)).min(dim=0).values
    assert torch.allclose(told[1], q.detach(), atol=1e-6)


def test_without_model_steps_it_needs_no_model():
    """H = 0 on real rows alone is soft actor-critic: a broken model changes nothing."""
    moved = []
    for broken in (False, True):
        algorithm = make(horizon=0, expansion_horizon=0, real_share=1.0)
        if broken:
            with torch.no_grad():
                algorithm.model.network.weights[-1][:] = 1e3
        algorithm.improve(filled(), Told())
        moved.append(algorithm.snapshot()[1])
    assert all(np.array_equal(moved[0][k], moved[1][k]) for k in moved[0])


def test_a_learned_reward_goes_with_the_tasks_alone():
    with pytest.raises(ValidationError, match="learned_reward"):
        MaacSettings(learned_reward=True, reward="objective")
    with pytest.raises(ValidationError, match="learned_reward"):
        MaacSettings(learned_reward=True, relabelled=0.5)


@pytest.mark.parametrize("path", PRESETS, ids=lambda p: p.stem)
def test_presets_are_settings(path):
    preset = path.stem.removeprefix("maac").removeprefix("-") or "default"
    settings = MaacSettings.model_validate(read_preset("maac", preset))
    assert settings.expansion_horizon == (1 if preset == "default" else 2)


def test_the_paper_presets_say_no_more_than_the_codes_values():
    assert MaacSettings.model_validate(read_preset("maac", "paper")) == MaacSettings()
    for name, steps in (("hopper", 4), ("half-cheetah", 4), ("ant", 4), ("walker2d", 2)):
        settings = MaacSettings.model_validate(read_preset("maac", f"paper-{name}"))
        assert settings.horizon == steps
        assert (
            settings.model_copy(update={"horizon": 4, "horizon_schedule": (1, 1, 20.0, 100.0)})
            == MaacSettings()
        )


def test_the_default_preset_is_for_dclaw():
    settings = MaacSettings.model_validate(read_preset("maac", "default"))
    assert Maac(make_task("dclaw-turn-random"), settings, 0).policy.reflection is not None
