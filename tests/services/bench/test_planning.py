"""Both ways to plan find the same plan; the work that is counted is the work that is done."""

import numpy as np
import pytest
import torch

from mbctl.algorithms.game.settings import PalSettings
from mbctl.algorithms.model_data import transition_data
from services.bench import planning
from services.bench.planning import (
    Network,
    PlanningSizes,
    flops_per_plan,
    measure_planning,
    planned_model,
    value_difference,
)
from services.bench.rows import fill_replay, simulated_rows

NETWORK = Network(3, (16, 24), "silu", 0.5)
SIZES = PlanningSizes((NETWORK,), population=20, horizon=4, iterations=2, rounds=1)


@pytest.fixture(scope="module")
def data(task):
    replay = fill_replay(task, simulated_rows(task, 40, 1))
    return transition_data(task, replay, PalSettings.model_validate({"symmetry": False}))


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_both_ways_give_a_sequence_the_same_value(task, data, activation):
    network = Network(3, (16, 24), activation, 0.5)
    assert value_difference(task, data, network, SIZES) < 1e-5


@pytest.mark.parametrize("method", ["cem", "icem"])
def test_both_ways_find_the_same_plan(task, data, method):
    model = planned_model(task, data, NETWORK)
    plans = []
    for plain in (False, True):
        planner = planning._planner(task, model, SIZES, method)
        if plain:
            planner.objective = planning._plain(task, model)
        plans.append(planner.plan(*planning._start(task, data)))
    np.testing.assert_allclose(plans[0].actions, plans[1].actions, atol=1e-5)
    assert plans[0].candidates == plans[1].candidates


def test_work_is_counted_per_row_and_weight(task, data):
    model = planned_model(task, data, NETWORK)
    inputs = task.dynamics_inputs(torch.zeros(1, 20), torch.zeros(1, 9), True).shape[-1]
    weights = 3 * (inputs * 16 + 16 * 24 + 24 * 20)
    assert flops_per_plan(model, 7, 5) == 2 * weights * 7 * 5


def test_each_network_has_its_figures_and_goals(task, data):
    figures, details = measure_planning(task, data, SIZES)
    assert len(figures) == 9
    assert sum(figure.goal is not None for figure in figures) == 2
    assert all(figure.value > 0 and figure.baseline > 0 for figure in figures)
    assert details.pop("plan_value_difference 3x(16, 24) silu") < 1e-5
    assert {name.split(" by ")[0] for name in details} == {"rounds", "plan_ms"}
