"""PAL on real D'Claw data: same seed same result, exact resumption, both players do their work."""

import math

import numpy as np
import pytest
import torch

from mbctl.algorithms.algorithm import Cancelled
from mbctl.algorithms.game.stackelberg import Pal
from mbctl.algorithms.registry import UnknownAlgorithmError, algorithm_config, build_algorithm
from mbctl.data.replay import Replay
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.snapshot import build_snapshot
from mbctl.tasks.registry import make_task

TASK = make_task("dclaw-turn-random")
SMALL = {
    "model_hidden": [32, 32],
    "model_epochs": 5,
    "model_steps_min": 20,
    "rollouts": 10,
    "npg_steps": 2,
    "policy_hidden": [16],
    "symmetry": True,
    "model_kinematics": True,
    "mirrored_policy": True,
    "fresh_goals": True,
    "intermediate_fraction": 0.5,
    "model_noise": 1.0,
    "recency_half_life": 300,
}


def make(seed: int = 0, **changes: object) -> Pal:
    made = build_algorithm("pal", {**SMALL, **changes}, TASK, seed)
    assert isinstance(made, Pal)
    return made


def quiet(phase: str, fraction: float, numbers: dict[str, float]) -> None:
    assert phase in ("REFIT", "IMPROVE")
    assert 0 <= fraction <= 1


def move(pal: Pal, replay: Replay) -> dict[str, float]:
    return {**pal.refit(replay, quiet), **pal.improve(replay, quiet)}


def weights_of(pal: Pal) -> np.ndarray:
    return np.concatenate([w.ravel() for w in pal.snapshot()[1].values()])


def test_the_same_seed_gives_the_same_policy(replay):
    first, second, other = make(1), make(1), make(2)
    for pal in (first, second, other):
        metrics = move(pal, replay)
        assert all(np.isfinite(v) for v in metrics.values())
    assert np.array_equal(weights_of(first), weights_of(second))
    assert not np.array_equal(weights_of(first), weights_of(other))


def test_goes_on_exactly_where_its_state_was_taken(replay, episodes):
    straight = make(3)
    move(straight, replay)
    state = straight.state()
    resumed = make(99)
    resumed.load_state(state)
    replay.append(episodes[0], np.arange(len(episodes[0])))
    assert move(straight, replay) == move(resumed, replay)
    assert np.array_equal(weights_of(straight), weights_of(resumed))


def test_a_state_of_other_settings_is_refused():
    state = make().state()
    with pytest.raises(ValueError, match=r"of shape .* expected"):
        make(policy_hidden=[8]).load_state(state)
    del state["value.scale"]
    with pytest.raises(ValueError, match=r"lacks 'value\.scale'"):
        make().load_state(state)


def test_refit_lowers_the_error_on_rows_it_has_not_seen(replay, episodes):
    pal = make(model_epochs=60)
    pal.refit(replay, quiet)
    replay.append(episodes[3], np.arange(len(episodes[3])))
    errors = pal.refit(replay, quiet)
    assert errors["model_error_one_step"] < 0.9
    assert errors["model_error_open_loop"] > 0


def test_the_model_stays_the_same_function_when_its_statistics_move(replay):
    pal = make()
    pal.refit(replay, quiet)
    physical, action = torch.randn(4, 30, 20), torch.rand(4, 30, 9)
    before = pal.model.predict(physical, action)
    moved = torch.randn(500, 20) * 2 + 1
    pal.model.fit_statistics(moved, torch.rand(500, 9), torch.randn(500, 20) * 3)
    assert torch.allclose(pal.model.predict(physical, action), before, atol=1e-3)


def test_its_snapshot_passes_the_controllers_checks(replay):
    pal = make()
    move(pal, replay)
    architecture, weights = pal.snapshot()
    snapshot = build_snapshot(
        TASK,
        weights,
        version=2,
        algorithm="pal",
        architecture=PolicyArchitecture.model_validate(architecture),
    )
    check_snapshot(snapshot, TASK)


def test_progress_can_cancel_either_move(replay):
    def stop(phase: str, fraction: float, numbers: dict[str, float]) -> None:
        raise Cancelled(phase)

    with pytest.raises(Cancelled, match="REFIT"):
        make().refit(replay, stop)
    with pytest.raises(Cancelled, match="IMPROVE"):
        make().improve(replay, stop)


def test_model_steps_are_epochs_within_their_bounds():
    pal = make(model_epochs=10, model_batch=200, model_steps_min=100, model_steps_max=400)
    assert [pal.model_steps(rows) for rows in (200, 4000, 100_000)] == [100, 200, 400]


def test_bad_names_and_settings_are_refused():
    with pytest.raises(UnknownAlgorithmError, match="unknown algorithm 'pall'; did you mean 'pal'"):
        build_algorithm("pall", {}, TASK, 0)
    with pytest.raises(ValueError, match="gama"):
        algorithm_config("pal", {"gama": 0.9})
    with pytest.raises(ValueError, match="less than or equal to 1"):
        algorithm_config("pal", {"gamma": 1.5})


@pytest.mark.parametrize("horizon", [1, 2])
def test_one_imagined_rollout_ends_nothing(replay, horizon):
    """Of one row nothing is better than the mean: no step, and no number that is none."""
    pal = make(rollouts=1, members=1, horizon=horizon)
    before = weights_of(pal)
    metrics = move(pal, replay)
    assert all(math.isfinite(value) for value in metrics.values()), metrics
    assert np.array_equal(weights_of(pal), before) == (horizon == 1)
