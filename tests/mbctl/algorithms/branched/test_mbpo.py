"""MBPO on real D'Claw data, and with a learned reward where there is no goal."""

from typing import Any

import numpy as np
import pytest
import torch

from mbctl.algorithms.branched.mbpo import Mbpo
from mbctl.algorithms.branched.settings import MbpoSettings
from mbctl.algorithms.registry import algorithm_config, build_algorithm
from mbctl.config.check import read_preset
from mbctl.data.layout import RowLayout
from mbctl.data.replay import Replay
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.snapshot import build_snapshot
from mbctl.tasks.registry import make_task
from tests.mbctl.algorithms.cases import PRESET_DIR

TASK = make_task("dclaw-turn-random")
SMALL: dict[str, Any] = {
    "rows_per_refit": 40,
    "updates_per_row": 0.5,
    "members": 3,
    "elites": 2,
    "model_hidden": [16],
    "model_weight_decay": [],
    "model_steps_max": 20,
    "model_batch": 32,
    "rollouts": 20,
    "horizon_schedule": [1, 3, 0.4, 0.6],
    "retained_refits": 2,
    "batch": 20,
    "real_share": 0.1,
    "policy_hidden": [16],
    "critic_hidden": [16],
}


def make(seed: int = 0, **changes: object) -> Mbpo:
    made = build_algorithm("mbpo", {**SMALL, **changes}, TASK, seed)
    assert isinstance(made, Mbpo)
    return made


def quiet(phase: str, fraction: float, numbers: dict[str, float]) -> None:
    assert phase in ("REFIT", "IMPROVE")
    assert 0 <= fraction <= 1
    assert all(np.isfinite(v) for v in numbers.values())


def move(mbpo: Mbpo, replay: Replay) -> dict[str, float]:
    return {**mbpo.refit(replay, quiet), **mbpo.improve(replay, quiet)}


def test_a_move_with_everything_that_dclaw_offers(replay):
    mbpo = make(
        symmetry=True,
        model_kinematics=True,
        mirrored_policy=True,
        standard_inputs=True,
        layer_norm=True,
        relabelled=0.5,
        fresh_goals=True,
        reward="objective",
        recency_half_life=100,
        bound_gradient="straight_through",
    )
    metrics = move(mbpo, replay)
    assert all(np.isfinite(v) for v in metrics.values())
    assert mbpo.policy.input_scale.unique().numel() > 1
    architecture, weights = mbpo.snapshot()
    described = PolicyArchitecture.model_validate(architecture)
    snapshot = build_snapshot(TASK, weights, version=1, algorithm="mbpo", architecture=described)
    check_snapshot(snapshot, TASK)


def test_the_first_rows_are_due_no_updates_and_the_others_all():
    mbpo = make(updates_per_row=1.7)
    assert mbpo.updates_due(5000) == int(1.7 * 40)
    mbpo.rows_used = 5000
    assert mbpo.updates_due(5000) == int(1.7 * 40)  # a refit on demand
    total, rows = 0, 5000
    for more in (1, 7, 40, 52):
        total += mbpo.updates_due(rows + more)
        rows += more
        mbpo.rows_used = rows
    assert total == int(1.7 * 5100) - int(1.7 * 5000)


def test_only_real_rows_count_as_drawn(replay):
    mbpo = make()
    fitted = mbpo.refit(replay, quiet)["model_samples"]
    drawn = mbpo.improve(replay, quiet)["model_samples"]
    assert fitted == 20 * 32
    assert drawn == fitted + 20 * 2  # two real rows of twenty, in each of twenty updates


def test_rollouts_get_longer_and_old_ones_are_dropped(replay, episodes):
    mbpo = make()  # 480 rows: epoch 0.48, between 0.4 and 0.6
    assert [mbpo.imagined.horizon(rows) for rows in (0, 400, 480, 500, 600, 9000)] == [
        *(1, 1, 1, 2, 3, 3)
    ]
    kept = []
    for episode in episodes[:4]:
        move(mbpo, replay)
        kept.append(len(mbpo.imagined.replay))
        replay.append(episode, np.arange(len(episode)))
    horizons = [mbpo.imagined.horizon(rows) for rows in (480, 520, 560, 600)]
    assert horizons == [1, 2, 2, 3]
    assert kept == [20, 20 + 40, 40 + 40, 20 + 40 + 60]  # at most two refits of the newest length


def test_imagined_rows_are_part_of_the_state(replay):
    mbpo = make()
    move(mbpo, replay)
    state = mbpo.state()
    assert state["imagined"].shape == (20, replay.layout.width)
    other = make(1)
    other.load_state(state)
    assert np.array_equal(other.imagined.replay.rows, mbpo.imagined.replay.rows)
    assert other.model.elites == mbpo.model.elites
    narrow = {**state, "imagined": torch.zeros(3, 5)}
    with pytest.raises(ValueError, match=r"rows of shape \(3, 5\)"):
        make(2).load_state(narrow)
    with pytest.raises(ValueError, match=r"'model\.network\.weights\.0' of shape"):
        make(2, model_hidden=[8]).load_state(state)


def pendulum_rows(count: int, rng: np.random.Generator) -> Replay:
    """Made-up rows of an inverted pendulum, with a reward that the task itself does not give."""
    task = make_task("gym/InvertedPendulum-v5")
    layout = RowLayout(task.observation_names, task.robot.joint_names)
    before = rng.normal(0, 0.05, (count, layout.observation_dim))
    after = before + rng.normal(0, 0.01, before.shape)
    rows = np.zeros((count, layout.width))
    rows[:, layout.observation], rows[:, layout.next_observation] = before, after
    rows[:, layout.action] = rng.uniform(-1, 1, (count, layout.action_dim))
    rows[:, layout.reward] = 5.0
    rows[:, layout.valid] = 1.0
    replay = Replay(layout, None)
    replay.append(rows.astype(np.float32), np.arange(count) % 50)
    return replay


@pytest.mark.parametrize("learned", [True, False])
def test_imagined_rewards_are_the_models_if_it_learns_them(learned):
    replay = pendulum_rows(200, np.random.default_rng(0))
    settings = {**SMALL, "learned_reward": learned, "model_steps_max": 200}
    mbpo = build_algorithm("mbpo", settings, make_task("gym/InvertedPendulum-v5"), 0)
    assert isinstance(mbpo, Mbpo)
    move(mbpo, replay)
    reward = mbpo.imagined.replay.rows[:, replay.layout.reward]
    if learned:
        assert abs(float(np.median(reward)) - 5.0) < 1.0
    else:
        assert set(reward.tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elites": 4}, "elites = 4, must be at most members = 3"),
        ({"model_weight_decay": [1e-4]}, "has 1 entries for 2 layers"),
        ({"model_weight_decay": [1e-4, -1.0]}, "must not be negative"),
        ({"horizon_schedule": [0, 1, 0.0, 1.0]}, "steps of at least 1"),
        ({"horizon_schedule": [1, 1, 5.0, 1.0]}, "epochs in order"),
        ({"learned_reward": True, "relabelled": 0.5}, "choose one of the two"),
        ({"learned_reward": True, "reward": "objective"}, "choose one of the two"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        algorithm_config("mbpo", {**SMALL, **changes})


def test_a_reward_that_depends_on_a_goal_is_not_learned():
    with pytest.raises(ValueError, match="depends on its goal"):
        make(learned_reward=True)


def test_every_preset_is_sound_and_the_paper_s_hold_its_table():
    presets = {path.stem.removeprefix("mbpo-") for path in PRESET_DIR.glob("mbpo-*.toml")}
    read = {name: algorithm_config("mbpo", read_preset("mbpo", name)) for name in presets}
    table = {
        "hopper": (20.0, (1, 15, 20.0, 100.0)),
        "walker2d": (20.0, (1, 1, 20.0, 100.0)),
        "half-cheetah": (40.0, (1, 1, 20.0, 100.0)),
        "inverted-pendulum": (20.0, (1, 1, 20.0, 100.0)),
        "ant": (20.0, (1, 25, 20.0, 100.0)),
    }
    for task, (updates, schedule) in table.items():
        settings = read[f"paper-{task}"]
        assert isinstance(settings, MbpoSettings)
        assert settings.updates_per_row == updates
        assert settings.horizon_schedule == schedule
        assert settings.members == 7
        assert settings.rollouts == 400 * settings.rows_per_refit
    assert read["paper"] == algorithm_config("mbpo", {})
