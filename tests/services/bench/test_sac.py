"""The plain soft actor-critic is the same one, so that its time may be compared."""

import numpy as np
import pytest

from mbctl.policies.manifest import row_layout
from services.bench.rows import fill_replay
from services.bench.sac import SacSizes, measure_sac, sac_difference

TINY = SacSizes(hidden=(16, 16), batch=8, updates=2, rounds=1)


@pytest.fixture
def replay(task):
    rows = np.random.default_rng(0).normal(0.0, 0.3, (100, row_layout(task).width))
    return fill_replay(task, rows.astype(np.float32))


def test_both_ways_give_the_same_policy(task, replay):
    assert sac_difference(task, replay, TINY) < 1e-4


def test_figures_have_their_baselines(task, replay):
    figures, details = measure_sac(task, replay, TINY)
    assert [figure.goal is not None for figure in figures] == [True, False]
    assert all(figure.value > 0 and figure.baseline > 0 for figure in figures)
    assert details["sac_difference"] < 1e-4
