"""Tiny runs of the benchmarks of single pieces: what they compare is the same thing."""

import dataclasses

import pytest
import torch

from mbctl.algorithms.game.settings import PalSettings
from mbctl.algorithms.model_data import transition_data
from services.bench.act import ActSizes
from services.bench.micro import MicroSizes, run_micro
from services.bench.model_step import ModelSizes, flops_per_step, loss_difference
from services.bench.npg import NpgSizes, npg_difference
from services.bench.plain_ensemble import PlainEnsemble
from services.bench.plain_npg import PlainPolicy, fisher_anew, fisher_kept
from services.bench.planning import Network, PlanningSizes
from services.bench.probabilistic_step import ProbabilisticSizes
from services.bench.rollout import RolloutSizes
from services.bench.rows import fill_replay, simulated_rows
from services.bench.sac import SacSizes
from services.bench.start_up import StartUpSizes

NPG = NpgSizes(rows=600, fisher_rows=200, rounds=1)
MODEL = ModelSizes(hidden=((16, 16),), members=2, batch=8, steps=2, rounds=1)
TINY = MicroSizes(
    NPG,
    MODEL,
    RolloutSizes(starts=4, members=2, hidden=(16, 16), horizon=2, rounds=1),
    SacSizes(hidden=(16, 16), batch=8, updates=2, rounds=1),
    ProbabilisticSizes(hidden=(16, 16), members=2, batch=8, steps=2, rounds=1),
    PlanningSizes((Network(2, (16, 16), "silu", 0.5),), 12, 3, 2, 1),
    ActSizes(hidden=((8, 8),), calls=20, rounds=1),
    StartUpSizes(rounds=1),
    replay_rows=80,
    episodes=1,
)


@pytest.fixture(scope="module")
def data(task):
    replay = fill_replay(task, simulated_rows(task, 80, 1))
    return transition_data(task, replay, PalSettings.model_validate({}))


def test_a_report_has_every_figure_with_its_baseline(said):
    report = run_micro(TINY, said.append, quick=True)
    names = [figure.name for figure in report.figures]
    for part in (
        "NPG step",
        "model step",
        "rate",
        "rollout step",
        "SAC update",
        "NLL",
        "CEM plan",
        "policy at batch",
    ):
        assert any(part in name for name in names), part
    assert any("--help" in name for name in names)
    for figure in report.figures:
        assert figure.value > 0
        assert figure.baseline > 0
        turned = figure.ratio_is == "value / baseline"
        over, under = (figure.value, figure.baseline)[:: 1 if turned else -1]
        assert figure.ratio == pytest.approx(over / under)
    goals = [figure.name for figure in report.figures if figure.goal is not None]
    assert len(goals) == 11
    assert report.yardstick_gflops > 0
    assert report.plain()["quick"] is True
    assert "model step" in said


def test_both_policy_steps_are_the_same_step():
    assert npg_difference(NPG) < 1e-3


def test_both_ways_to_keep_the_graph_give_the_same_product():
    from services.bench.npg import _draw, _policy

    policy, batch = PlainPolicy(_policy(NPG)), _draw(NPG)
    vector = torch.ones_like(policy.flat())
    anew = fisher_anew(policy, batch.observation)(vector)
    kept = fisher_kept(policy, batch.observation)
    kept(vector)
    assert torch.allclose(kept(vector), anew, rtol=1e-4, atol=1e-6)


def test_both_model_steps_are_the_same_step(task, data):
    assert loss_difference(task, data, MODEL, (16, 16)) < 1e-4


def test_the_plain_ensemble_learns(task, data):
    from services.bench.model_step import _generator, _model

    plain = PlainEnsemble(_model(task, MODEL, (16, 16)), 1e-2)
    first = plain.fit(data, 1, 40, _generator())
    last = plain.fit(data, 60, 40, _generator())
    assert len(last) == MODEL.members
    assert sum(last) < 0.9 * sum(first)


def test_operations_are_those_of_three_products_with_each_weight(task):
    inputs = task.dynamics_inputs(torch.zeros(1, 20), torch.zeros(1, 9), True).shape[-1]
    weights = inputs * 16 + 16 * 16 + 16 * 20
    assert flops_per_step(task, MODEL, (16, 16)) == 3 * 2 * 2 * 8 * weights
    twice = dataclasses.replace(MODEL, batch=16)
    assert flops_per_step(task, twice, (16, 16)) == 2 * flops_per_step(task, MODEL, (16, 16))


def test_rows_are_whole_simulated_episodes_repeated(task):
    rows = simulated_rows(task, 100, 1)
    assert rows.shape == (100, 2 * len(task.observation_names) + 9 + 4)
    assert (rows[:40] == rows[40:80]).all()
    assert (rows[0] != rows[1]).any()
    replay = fill_replay(task, rows)
    assert (replay.steps[[0, 39, 40]] == [0, 39, 0]).all()
