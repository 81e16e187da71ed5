"""SAC on real D'Claw data: updates are counted by rows, and everything repeats."""

import numpy as np
import pytest
import torch

from mbctl.algorithms.algorithm import Cancelled
from mbctl.algorithms.registry import build_algorithm
from mbctl.algorithms.sac.sac import Sac
from mbctl.data.replay import Replay
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.snapshot import build_snapshot
from mbctl.tasks.registry import make_task

TASK = make_task("dclaw-turn-random")
SMALL = {
    "policy_hidden": [16, 16],
    "critic_hidden": [16, 16],
    "batch": 16,
    "updates_per_row": 0.1,
    "layer_norm": True,
    "mirrored_policy": True,
    "standard_inputs": True,
    "relabelled": 0.25,
}


def make(seed: int = 0, **changes: object) -> Sac:
    made = build_algorithm("sac", {**SMALL, **changes}, TASK, seed)
    assert isinstance(made, Sac)
    return made


def quiet(phase: str, fraction: float, numbers: dict[str, float]) -> None:
    assert phase in ("REFIT", "IMPROVE")
    assert 0 <= fraction <= 1
    assert all(np.isfinite(v) for v in numbers.values())


def move(sac: Sac, replay: Replay) -> dict[str, float]:
    return {**sac.refit(replay, quiet), **sac.improve(replay, quiet)}


def weights_of(sac: Sac) -> np.ndarray:
    return np.concatenate([w.ravel() for w in sac.snapshot()[1].values()])


def test_the_same_seed_gives_the_same_policy(replay):
    first, second, other = make(1), make(1), make(2)
    for sac in (first, second, other):
        metrics = move(sac, replay)
        assert all(np.isfinite(v) for v in metrics.values())
    assert np.array_equal(weights_of(first), weights_of(second))
    assert not np.array_equal(weights_of(first), weights_of(other))


def test_goes_on_exactly_where_its_state_was_taken(replay, episodes):
    straight = make(3)
    move(straight, replay)
    resumed = make(99)
    resumed.load_state(straight.state())
    replay.append(episodes[0], np.arange(len(episodes[0])))
    assert move(straight, replay) == move(resumed, replay)
    ours, theirs = straight.state(), resumed.state()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_state_of_other_settings_is_refused():
    state = make().state()
    with pytest.raises(ValueError, match=r"'policy\.layers\.0\.weight' of shape .* expected"):
        make(policy_hidden=[8]).load_state(state)
    with pytest.raises(ValueError, match=r"lacks 'critic\.network\.gains\.0'"):
        make().load_state(make(layer_norm=False).state())
    del state["rows_used"]
    with pytest.raises(ValueError, match="lacks 'rows_used'"):
        make().load_state(state)


@pytest.mark.parametrize("rate", [0.25, 1.0, 3.7])
def test_updates_do_not_depend_on_how_rows_are_divided(rate):
    whole, divided = make(updates_per_row=rate), make(updates_per_row=rate)
    total = 0
    for rows in (1, 7, 40, 41, 200):
        total += divided.updates_due(rows)
        divided.rows_used = rows
    assert total == whole.updates_due(200) == int(rate * 200)


def test_a_refit_without_new_rows_does_the_work_of_a_regular_one(replay):
    sac = make(rows_per_refit=50)
    first = move(sac, replay)["model_samples"]
    again = move(sac, replay)["model_samples"]
    assert first == 16 * int(0.1 * replay.total)
    assert again == 16 * 5


def test_its_snapshot_passes_the_controllers_checks(replay):
    sac = make()
    move(sac, replay)
    architecture, weights = sac.snapshot()
    described = PolicyArchitecture.model_validate(architecture)
    snapshot = build_snapshot(TASK, weights, version=2, algorithm="sac", architecture=described)
    check_snapshot(snapshot, TASK)


def test_inputs_are_standardised_once(replay, episodes):
    sac = make()
    move(sac, replay)
    shift = sac.policy.input_shift.clone()
    assert shift.abs().max() > 0
    assert torch.equal(shift, sac.learner.critic.input_shift)
    assert (sac.policy.input_scale > 0).all()
    replay.append(5 * episodes[0], np.arange(len(episodes[0])))
    move(sac, replay)
    assert torch.equal(sac.policy.input_shift, shift)


def test_progress_can_cancel_either_move(replay):
    def stop(phase: str, fraction: float, numbers: dict[str, float]) -> None:
        raise Cancelled(phase)

    with pytest.raises(Cancelled, match="REFIT"):
        make().refit(replay, stop)
    with pytest.raises(Cancelled, match="IMPROVE"):
        make().improve(replay, stop)
