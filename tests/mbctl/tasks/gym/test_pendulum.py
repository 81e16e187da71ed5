"""The pendulum's step in closed form: Gymnasium's motion, and gradients by finite differences."""

import math

import gymnasium
import numpy as np
import pytest
import torch

from mbctl.models.analytic import AnalyticDynamics
from mbctl.tasks.gym.pendulum import SPEED_MAX_RAD_S, TORQUE_MAX_NM, Pendulum

TASK = Pendulum("gym/Pendulum-v1")
NONE = np.zeros(0)


def test_the_step_is_gymnasiums():
    assert isinstance(TASK, AnalyticDynamics)
    body = gymnasium.make("Pendulum-v1").unwrapped
    rng = np.random.default_rng(0)
    for episode in range(5):
        body.reset(seed=episode)
        angle, velocity = body.state
        physical = np.array([angle, velocity, 0.0])
        for _ in range(100):
            applied = rng.uniform(-1, 1, 1)
            _, reward, *_ = body.step(TORQUE_MAX_NM * applied)
            physical = TASK.step(physical, applied)
            np.testing.assert_allclose(physical[:2], body.state, atol=1e-9)
            mine = TASK.reward(physical, NONE) - TASK.action_cost(applied)
            assert float(mine) == pytest.approx(reward, abs=1e-9)


def test_fast_states_are_held_at_the_greatest_speed():
    after = TASK.step(np.array([math.pi / 2, 7.9, 0.0]), np.array([1.0]))
    assert after[1] == SPEED_MAX_RAD_S
    assert after[2] == pytest.approx(SPEED_MAX_RAD_S - 7.9)
    left = -((math.pi / 2) ** 2) - 0.1 * 7.9**2
    assert float(TASK.reward(after, NONE)) == pytest.approx(left)


@pytest.mark.parametrize("steps", [1, 4])
def test_gradients_through_steps_and_rewards_are_finite_differences(steps):
    generator = torch.Generator().manual_seed(0)
    physical = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    actions = 0.9 * torch.rand(steps, 20, 1, generator=generator, dtype=torch.float64)

    def gained(physical: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(20, dtype=torch.float64)
        for action in actions:
            physical = TASK.step(physical, action)
            total = total + TASK.reward(physical, torch.zeros(20, 0)) - TASK.action_cost(action)
        return total

    inputs = physical.requires_grad_(), actions.requires_grad_()
    assert torch.autograd.gradcheck(gained, inputs, eps=1e-6, atol=1e-6)


def test_angles_differ_the_short_way_round():
    before, after = np.array([3.1, 0, 0]), np.array([-3.1, 1, 2])
    difference = TASK.physical_difference(after, before)
    np.testing.assert_allclose(difference, [2 * math.pi - 6.2, 1, 2])
    turned = before + np.array([2 * math.pi, 0, 0])
    action = np.array([0.4])
    np.testing.assert_allclose(
        TASK.dynamics_inputs(before, action, False), TASK.dynamics_inputs(turned, action, False)
    )
