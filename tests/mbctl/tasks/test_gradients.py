"""Policies are improved through tasks: every function of one has the derivatives of its values."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from hal.robots.dclaw import DCLAW
from mbctl.tasks.registry import TASKS, make_task
from mbctl.tasks.task import Task

ROWS = 3


def drawn(task: Task) -> tuple[Tensor, Tensor, Tensor]:
    """States and actions off all kinks but by chance, and goals, in double precision."""
    generator = torch.Generator().manual_seed(1)
    sizes = len(task.physical_names), len(task.robot.joints)
    physical = 0.3 * torch.randn(ROWS, sizes[0], generator=generator, dtype=torch.float64)
    action = 0.6 * torch.rand(ROWS, sizes[1], generator=generator, dtype=torch.float64) - 0.3
    rng = np.random.default_rng(3)
    goal = torch.from_numpy(np.stack([task.sample_goal(rng) for _ in range(ROWS)]))
    return physical.requires_grad_(), action.requires_grad_(), goal.double()


@pytest.mark.parametrize("name", TASKS.names())
def test_derivatives_are_those_of_finite_differences(name):
    task = make_task(name)
    physical, action, goal = drawn(task)
    functions = {
        "observation": lambda s, a: task.observation(s, a, goal),
        "dynamics_inputs": lambda s, a: task.dynamics_inputs(s, a, False),
        "with geometry": lambda s, a: task.dynamics_inputs(s, a, True),
        "reward": lambda s, a: task.reward(s, goal) + 0 * a.sum(),
        "objective": lambda s, a: task.objective(s, goal) + 0 * a.sum(),
        "applied_action": task.applied_action,
        "action_cost": lambda s, a: task.action_cost(task.applied_action(s, a)),
    }
    for what, function in functions.items():
        assert gradcheck(function, (physical, action), eps=1e-6, atol=1e-5, fast_mode=True), what


@pytest.mark.parametrize("name", TASKS.names())
def test_there_are_derivatives_where_a_robot_stands_still(name):
    """At the origin of everything, and D'Claw at home: lengths are zero there."""
    task = make_task(name)
    physical, goal = torch.zeros(1, len(task.physical_names)), torch.zeros(1, len(task.goal_names))
    if name.startswith("dclaw"):
        physical[:, :9] = torch.tensor(DCLAW.home_position_rad)
    physical.requires_grad_()
    for value in (task.reward(physical, goal), task.objective(physical, goal)):
        if value.requires_grad:
            (slope,) = torch.autograd.grad(value.sum(), physical, allow_unused=True)
            assert slope is None or bool(slope.isfinite().all())
