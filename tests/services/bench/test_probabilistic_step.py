"""Both ways to train a probabilistic ensemble are the same training."""

import pytest

from mbctl.algorithms.game.settings import PalSettings
from mbctl.algorithms.model_data import transition_data
from services.bench.probabilistic_step import (
    PlainProbabilistic,
    ProbabilisticSizes,
    _generator,
    _model,
    flops_per_step,
    loss_difference,
    measure_probabilistic_step,
)
from services.bench.rows import fill_replay, simulated_rows

SIZES = ProbabilisticSizes(hidden=(16, 16), members=3, batch=20, steps=4, rounds=1)


@pytest.fixture(scope="module")
def data(task):
    replay = fill_replay(task, simulated_rows(task, 80, 2))
    return transition_data(task, replay, PalSettings.model_validate({"symmetry": False}))


def test_losses_agree_to_rounding(task, data):
    assert loss_difference(task, data, SIZES) < 1e-4


def test_the_plain_one_learns(task, data):
    plain = PlainProbabilistic(_model(task, SIZES), 1e-2)
    first = plain.fit(data, 1, 40, _generator())
    last = plain.fit(data, 100, 40, _generator())
    assert len(last) == 3
    assert sum(last) < sum(first) - 0.3


def test_figures_have_goals_and_work(task, data):
    figures, details = measure_probabilistic_step(task, data, SIZES)
    assert [figure.goal is not None for figure in figures] == [True, True, False]
    assert details["nll_model_loss_difference"] < 1e-4
    inputs = _model(task, SIZES).network.weights[0].shape[1]
    assert flops_per_step(task, SIZES) == 6 * 3 * (inputs * 16 + 16 * 16 + 16 * 40) * 20
