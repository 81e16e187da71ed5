"""MEMB on real D'Claw data: moves are counted by rows, and settings do what they say."""

import tomllib

import numpy as np
import pytest
import torch

from mbctl.algorithms.algorithm import Cancelled
from mbctl.algorithms.memb.memb import Memb
from mbctl.algorithms.memb.settings import MembSettings
from mbctl.algorithms.registry import algorithm_config, build_algorithm
from mbctl.config.check import read_preset
from mbctl.data.layout import RowLayout
from mbctl.data.replay import Replay
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.snapshot import build_snapshot
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from tests.mbctl.algorithms.cases import PRESET_DIR

TASK = make_task("dclaw-turn-random")
SMALL = {
    "model_hidden": [16],
    "policy_hidden": [16, 16],
    "critic_hidden": [16, 16],
    "batch": 16,
    "updates_per_row": 0.1,
    "model_updates_per_row": 0.1,
    "model_kinematics": True,
    "symmetry": True,
    "layer_norm": True,
    "learn_temperature": True,
    "mirrored_policy": True,
    "standard_inputs": True,
    "relabelled": 0.25,
    "reward": "objective",
    "bound_gradient": "straight_through",
}
PRESETS = sorted(PRESET_DIR.glob("memb*.toml"))


def make(seed: int = 0, **changes: object) -> Memb:
    made = build_algorithm("memb", {**SMALL, **changes}, TASK, seed)
    assert isinstance(made, Memb)
    return made


def quiet(phase: str, fraction: float, numbers: dict[str, float]) -> None:
    assert phase in ("REFIT", "IMPROVE")
    assert 0 <= fraction <= 1
    assert all(np.isfinite(v) for v in numbers.values())


def move(memb: Memb, replay: Replay) -> dict[str, float]:
    return {**memb.refit(replay, quiet), **memb.improve(replay, quiet)}


@pytest.mark.parametrize("learned_reward", [True, False])
def test_goes_on_exactly_where_its_state_was_taken(replay, episodes, learned_reward):
    straight = make(3, learned_reward=learned_reward)
    move(straight, replay)
    resumed = make(99, learned_reward=learned_reward)
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
    with pytest.raises(ValueError, match=r"'dynamics\.network\.weights\.0' of shape .* expected"):
        make(model_hidden=[8]).load_state(state)
    with pytest.raises(ValueError, match=r"lacks 'reward\."):
        make().load_state(make(learned_reward=False).state())
    del state["rows_fitted"]
    with pytest.raises(ValueError, match="lacks 'rows_fitted'"):
        make().load_state(state)


@pytest.mark.parametrize("rate", [0.25, 1.0, 3.7])
def test_updates_do_not_depend_on_how_rows_are_divided(rate):
    memb, total, before = make(), 0, 0
    for rows in (1, 7, 40, 41, 200):
        total += memb.updates_due(rate, before, rows)
        before = rows
    assert total == memb.updates_due(rate, 0, 200) == int(rate * 200)


def test_a_refit_without_new_rows_does_the_work_of_a_regular_one(replay):
    memb = make(rows_per_refit=50)
    first = move(memb, replay)["model_samples"]
    again = move(memb, replay)["model_samples"]
    assert first == 3 * 16 * int(0.1 * replay.total)  # dynamics, reward, and all of the rest
    assert again == 3 * 16 * 5


def test_the_moves_divide_what_there_is_to_learn(replay):
    memb = make()
    policy, model = memb.policy.ordered[0], memb.model.nets()["dynamics"].network.weights[0]
    before = policy.detach().clone(), model.detach().clone()
    memb.refit(replay, quiet)
    fitted = model.detach().clone()
    assert torch.equal(policy, before[0])
    assert not torch.equal(fitted, before[1])
    memb.improve(replay, quiet)
    assert not torch.equal(policy, before[0])
    assert torch.equal(model, fitted)


def test_all_networks_see_the_same_standardised_inputs(replay):
    memb = make()
    move(memb, replay)
    shift, scale = memb.policy.input_shift, memb.policy.input_scale
    assert shift.abs().max() > 0
    for network in (memb.learner.critic, memb.learner.value):
        assert torch.equal(network.input_shift, shift)
        assert torch.equal(network.input_scale, scale)


def test_its_snapshot_passes_the_controllers_checks(replay):
    memb = make()
    move(memb, replay)
    architecture, weights = memb.snapshot()
    described = PolicyArchitecture.model_validate(architecture)
    snapshot = build_snapshot(TASK, weights, version=2, algorithm="memb", architecture=described)
    check_snapshot(snapshot, TASK)


def test_progress_can_cancel_either_move(replay):
    def stop(phase: str, fraction: float, numbers: dict[str, float]) -> None:
        raise Cancelled(phase)

    with pytest.raises(Cancelled, match="REFIT"):
        make().refit(replay, stop)
    with pytest.raises(Cancelled, match="IMPROVE"):
        make().improve(replay, stop)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_presets_are_settings(path):
    with path.open("rb") as file:
        settings = algorithm_config("memb", tomllib.load(file)["settings"])
    assert isinstance(settings, MembSettings)


def made_up(task: Task, rows: int) -> Replay:
    """Rows of the right shape that nothing made."""
    layout = RowLayout(task.observation_names, task.robot.joint_names)
    replay = Replay(layout, None)
    drawn = np.random.default_rng(0).uniform(-1, 1, (rows, layout.width)).astype(np.float32)
    drawn[:, layout.terminated] = 0.0
    replay.append(drawn, np.arange(rows))
    return replay


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("memb-paper-pendulum", "gym/Pendulum-v1"),
        ("memb-paper-pendulum-true", "gym/Pendulum-v1"),
        ("memb-paper-inverted-pendulum", "gym/InvertedPendulum-v5"),
        ("memb-paper-half-cheetah", "gym/HalfCheetah-v5"),
        ("memb-paper-hopper", "gym/Hopper-v5"),
        ("memb-paper-walker2d", "gym/Walker2d-v5"),
        ("memb-paper-swimmer", "gym/Swimmer-v5"),
        ("memb-paper-reacher", "gym/Reacher-v5"),
        ("memb-fast-pendulum", "gym/Pendulum-v1"),
        ("memb-fast-inverted-pendulum", "gym/InvertedPendulum-v5"),
        ("memb-fast-half-cheetah", "gym/HalfCheetah-v5"),
        ("memb-fast-hopper", "gym/Hopper-v5"),
    ],
)
def test_presets_fit_their_tasks(preset, name):
    task, kind = make_task(name), preset.removeprefix("memb-")
    memb = build_algorithm("memb", {**read_preset("memb", kind), "batch": 8}, task, 0)
    replay = made_up(task, 3)
    before = memb.snapshot()[1]["layers.0.weight"]
    metrics = {**memb.refit(replay, quiet), **memb.improve(replay, quiet)}
    assert all(np.isfinite(v) for v in metrics.values())
    assert ("model_loss" in metrics) == (kind != "paper-pendulum-true")
    assert not np.array_equal(memb.snapshot()[1]["layers.0.weight"], before)


def test_the_papers_presets_say_what_differs_by_task():
    found = {}
    for path in PRESETS:
        with path.open("rb") as file:
            found[path.stem] = MembSettings.model_validate(tomllib.load(file)["settings"])
    # m and alpha of Table 2
    table = {
        "pendulum": (5, 0.2),
        "inverted-pendulum": (1, 0.1),
        "half-cheetah": (5, 0.4),
        "hopper": (5, 0.4),
        "walker2d": (3, 0.2),
        "swimmer": (5, 0.2),
        "reacher": (5, 0.2),
    }
    for task, (m, alpha) in table.items():
        settings = found[f"memb-paper-{task}"]
        assert (settings.updates_per_row, settings.initial_temperature) == (m, alpha)
        assert settings.learned_reward
        assert not settings.known_termination
        assert not settings.learn_temperature
