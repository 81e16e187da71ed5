"""DDPPO: two models, each fitted to its own end; on real D'Claw data, with a learned reward."""

import tomllib
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics
from mbctl.algorithms.branched.ddppo import Ddppo
from mbctl.algorithms.branched.settings import DdppoSettings
from mbctl.algorithms.registry import build_algorithm
from mbctl.config.check import read_preset
from mbctl.data.layout import RowLayout
from mbctl.data.replay import Replay
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from tests.conformance.point_mass import LAYOUT, PointMass
from tests.mbctl.algorithms.cases import CASES, PRESET_DIR

SMALL = CASES["ddppo"].settings
PRESETS = sorted(PRESET_DIR.glob("ddppo*.toml"))


@dataclass(frozen=True)
class Homing(PointMass):
    """Home is at (0, 0) for ever, so that a model can learn the reward."""

    goal_names: tuple[str, ...] = ()


def make(task: Task, seed: int = 0, **changes: object) -> Ddppo:
    return Ddppo(task, DdppoSettings.model_validate({**SMALL, **changes}), seed)


def quiet(phase: str, fraction: float, numbers: Metrics) -> None:
    assert phase in ("REFIT", "IMPROVE")


def move(algorithm: Ddppo, replay: Replay) -> Metrics:
    return {**algorithm.refit(replay, quiet), **algorithm.improve(replay, quiet)}


def homing_rows(task: PointMass, count: int = 80) -> Replay:
    """Steps of random actions from random states, with home as goal."""
    rng = np.random.default_rng(0)
    physical, goal = rng.normal(size=(count, 4)), np.zeros((count, 2))
    action = rng.uniform(-1, 1, (count, 2))
    after = task.step(physical, action)
    rows = np.zeros((count, LAYOUT.width), dtype=np.float32)
    rows[:, LAYOUT.observation] = task.observation(physical, action, goal)
    rows[:, LAYOUT.action] = action
    rows[:, LAYOUT.reward] = task.reward(after, goal)
    rows[:, LAYOUT.next_observation] = task.observation(after, action, goal)
    rows[:, LAYOUT.valid] = 1.0
    replay = Replay(LAYOUT, None)
    replay.append(rows, np.arange(count) % 10)
    return replay


def network_of(model: ProbabilisticEnsemble) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.network.parameters()])


@pytest.mark.parametrize("path", PRESETS, ids=lambda p: p.stem)
def test_presets_are_settings(path):
    found = tomllib.loads(path.read_text())
    assert set(found) == {"task", "settings"}
    DdppoSettings.model_validate(found["settings"])


def test_the_papers_table_is_there():
    names = "inverted-pendulum", "hopper", "walker2d", "half-cheetah", "ant", "humanoid"
    stems = {path.stem for path in PRESETS}
    assert {"ddppo", "ddppo-paper", *(f"ddppo-paper-{name}" for name in names)} <= stems


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("paper-inverted-pendulum", "gym/InvertedPendulum-v5"),
        ("paper-hopper", "gym/Hopper-v5"),
        ("paper-walker2d", "gym/Walker2d-v5"),
        ("paper-half-cheetah", "gym/HalfCheetah-v5"),
        ("paper-ant", "gym/Ant-v5"),
        ("paper-humanoid", "gym/Humanoid-v5"),
        ("fast-inverted-pendulum", "gym/InvertedPendulum-v5"),
        ("fast-hopper", "gym/Hopper-v5"),
    ],
)
def test_presets_fit_their_tasks(preset, name):
    """On rows that nothing made, and smaller where sizes would only take time."""
    task = make_task(name)
    layout = RowLayout(task.observation_names, task.robot.joint_names)
    drawn = np.random.default_rng(0).uniform(-1, 1, (30, layout.width)).astype(np.float32)
    drawn[:, layout.terminated] = 0.0
    replay = Replay(layout, None)
    replay.append(drawn, np.arange(30))
    smaller = {"members": 2, "elites": 2, "model_steps_max": 2, "model_batch": 8, "rollouts": 8}
    smaller |= {"updates_per_row": 0.01, "batch": 8}
    algorithm = build_algorithm("ddppo", {**read_preset("ddppo", preset), **smaller}, task, 0)
    metrics = {**algorithm.refit(replay, quiet), **algorithm.improve(replay, quiet)}
    assert all(np.isfinite(v) for v in metrics.values()), metrics


def test_it_moves_on_real_data_with_all_that_a_robot_task_offers(replay):
    task = make_task("dclaw-turn-random")
    settings = {
        "symmetry": True,
        "model_kinematics": True,
        "mirrored_policy": True,
        "standard_inputs": True,
        "fresh_goals": True,
        "relabelled": 0.5,
        "reward": "objective",
        "reward_scale": 0.1,
        "bound_gradient": "straight_through",
        "neighbour_radius": 1.0,
    }
    algorithm = make(task, **settings)
    before = algorithm.snapshot()[1]
    metrics = move(algorithm, replay)
    assert all(np.isfinite(v) for v in metrics.values()), metrics
    assert 0 < metrics["gradient_model_neighbours_kept"] < 1
    assert metrics["skipped_updates"] == 0
    after = algorithm.snapshot()[1]
    assert any(not np.array_equal(before[name], after[name]) for name in before)


def test_models_differ_and_only_the_gradient_model_feels_the_gradient_loss():
    task = PointMass()
    replay = homing_rows(task)
    plain, weighted = make(task, gradient_weight=0.0), make(task, gradient_weight=100.0)
    for algorithm in (plain, weighted):
        metrics = algorithm.refit(replay, quiet)
        kept = "gradient_model_neighbours_kept" in metrics
        assert kept == (algorithm is weighted)
    assert not torch.equal(network_of(plain.predictor), network_of(plain.gradient_model))
    assert torch.equal(network_of(plain.predictor), network_of(weighted.predictor))
    assert not torch.equal(network_of(plain.gradient_model), network_of(weighted.gradient_model))


def test_samples_of_both_fits_and_of_updates_count():
    task = PointMass()
    algorithm, replay = make(task), homing_rows(task)
    fitted = algorithm.refit(replay, quiet)["model_samples"]
    assert fitted == 2 * 10 * SMALL["model_batch"]
    updates, batch = int(0.5 * 20), SMALL["batch"]
    drawn = algorithm.improve(replay, quiet)["model_samples"]
    assert drawn == fitted + updates * (batch + round(0.25 * batch))


def test_a_learned_reward_has_one_models_value_and_the_others_gradient():
    task = Homing()
    algorithm = make(task, learned_reward=True, members=1, elites=1)
    metrics = move(algorithm, homing_rows(task))
    assert all(np.isfinite(v) for v in metrics.values()), metrics
    physical = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    action = torch.full((5, 2), 0.3, requires_grad=True)
    models = algorithm.learner.models
    after = models.step(physical, action)
    reward = models.learned_reward(physical, action, after, torch.zeros(5, 2))
    told = algorithm.predictor.forward(physical[None], action[None]).reward
    sloped = algorithm.gradient_model.forward(physical[None], action[None]).reward
    assert told is not None
    assert sloped is not None
    assert torch.allclose(reward, told[0], atol=1e-6)
    ours = torch.autograd.grad(reward.sum(), action)[0]
    assert torch.allclose(ours, torch.autograd.grad(sloped.sum(), action)[0], atol=1e-6)


def test_a_learned_reward_is_not_worked_out_anew():
    for changes in ({"relabelled": 0.5}, {"reward": "objective"}):
        with pytest.raises(ValidationError, match="learned_reward"):
            DdppoSettings.model_validate({"learned_reward": True, **changes})


def test_a_gradient_that_is_no_number_moves_no_policy():
    task = PointMass()
    algorithm, replay = make(task), homing_rows(task)
    algorithm.refit(replay, quiet)
    with torch.no_grad():
        algorithm.gradient_model.network.weights[0].fill_(torch.nan)
    before = algorithm.snapshot()[1]
    metrics = algorithm.improve(replay, quiet)
    after = algorithm.snapshot()[1]
    assert metrics["skipped_updates"] == 10
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_updates_do_not_depend_on_how_rows_are_divided():
    whole, divided = (make(PointMass(), updates_per_row=3.7) for _ in range(2))
    whole.rows_used = divided.rows_used = 60
    total = 0
    for rows in (61, 67, 100, 101, 200):
        total += divided.updates_due(rows)
        divided.rows_used = rows
    assert total == whole.updates_due(200) == int(3.7 * 200) - int(3.7 * 60)
