"""Errors over the look-ahead, where they are known."""

import numpy as np
import pytest
import torch

from mbctl.config import ConfigError
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.study.errors.look_ahead import Episodes, look_ahead
from tests.conformance.point_mass import PointMass

TASK = PointMass()
STEPS = 6


class Truth:
    """The true step, in two members, the second of which drifts along x."""

    members = 2

    def __init__(self, drift: float) -> None:
        self.drift = torch.tensor([[[0.0] * 4], [[drift, 0.0, 0.0, 0.0]]])

    def predict(self, physical, action):
        return TASK.step(physical, action) + self.drift


def policy_of(seed: int) -> GaussianPolicy:
    return GaussianPolicy(6, 2, (8,), 0.0, -1.0, None, torch.Generator().manual_seed(seed))


@pytest.fixture
def policy() -> GaussianPolicy:
    return policy_of(0)


@pytest.fixture
def episodes(policy) -> Episodes:
    """What the mean policy does, by the true step."""
    rng = np.random.default_rng(0)
    state = torch.tensor(rng.uniform(-1, 1, (5, 4)), dtype=torch.float32)
    goal = torch.tensor(rng.uniform(-1, 1, (5, 2)), dtype=torch.float32)
    physical, applied, last = [state], [], torch.zeros(5, 2)
    for _ in range(STEPS):
        action = TASK.applied_action(state, policy.mean(TASK.observation(state, last, goal)))
        state, last = TASK.step(state, action), action
        physical.append(state)
        applied.append(action)
    return Episodes(torch.stack(physical, 1), torch.stack(applied, 1), goal)


@pytest.mark.parametrize("mode", ["open", "closed"])
def test_the_truth_has_no_error(policy, episodes, mode):
    errors = look_ahead(TASK, Truth(0.0), policy, episodes, mode, 0)
    assert errors.state.shape == (STEPS,)
    assert float(errors.state.max()) < 1e-5
    assert float(errors.column.max()) < 1e-5


def test_a_drift_adds_up_in_open_loop(policy, episodes):
    errors = look_ahead(TASK, Truth(0.1), policy, episodes, "open", 0)
    expected = 0.05 * torch.arange(1, STEPS + 1)  # half of the members drift
    torch.testing.assert_close(errors.column, expected, atol=1e-5, rtol=0)
    assert (errors.state.diff() > 0).all()


def test_closed_loop_acts_by_what_the_model_shows(episodes):
    """Another policy than that of the episodes strays in closed loop only."""
    other = policy_of(1)
    open_loop = look_ahead(TASK, Truth(0.0), other, episodes, "open", 0)
    closed = look_ahead(TASK, Truth(0.0), other, episodes, "closed", 0)
    assert float(open_loop.column.max()) < 1e-5
    assert float(closed.column[-1]) > 1e-3


def test_a_column_at_rest_has_no_say(policy, episodes):
    """The second member's drift is along x: measured by the columns that move."""
    resting = Episodes(episodes.physical.clone(), episodes.applied, episodes.goal)
    resting.physical[..., 1] = 0.4
    resting.physical[..., 3] = 0.0
    errors = look_ahead(TASK, Truth(0.1), policy, resting, "open", 0)
    assert float(errors.state.max()) < 3.0


def test_where_nothing_moves_there_is_no_look_ahead(policy, episodes):
    still = Episodes(torch.ones_like(episodes.physical), episodes.applied, episodes.goal)
    with pytest.raises(ConfigError, match="no column moves"):
        look_ahead(TASK, Truth(0.0), policy, still, "open", 0)
