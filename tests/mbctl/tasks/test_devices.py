"""What a task makes of tensors is where they are."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mbctl.tasks.registry import TASKS, make_task
from mbctl.tasks.task import Task
from tests.conformance.elsewhere import ELSEWHERE, Away, elsewhere


def asked(task: Task, values: list[Tensor]) -> list[Tensor]:
    """All that a task makes of physical states, actions and goals."""
    physical, action, goal = values
    observation = task.observation(physical, action, goal)
    found = [
        observation,
        task.physical(observation),
        task.last_action(observation),
        task.goal(observation),
        task.applied_action(physical, action),
        task.physical_difference(physical, 0.5 * physical),
        task.reward(physical, goal) - task.action_cost(action),
        task.objective(physical, goal),
        task.terminated(physical),
        task.success(physical, goal),
        *(task.dynamics_inputs(physical, action, kinematic) for kinematic in (False, True)),
        *(x for k in range(task.symmetries) for x in task.transform(physical, action, k)),
    ]
    if task.reflection is not None:
        flipped = task.reflection.flipped(observation)
        found.append(task.reflection.observation(observation, flipped))
        found.append(task.reflection.action(action, flipped))
    return found


@pytest.mark.parametrize("name", TASKS.names())
def test_a_task_leaves_no_tensor_behind(name, monkeypatch):
    task, rng = make_task(name), np.random.default_rng(0)
    counts = len(task.physical_names), len(task.robot.joints)
    values = [0.1 * rng.standard_normal((3, count)).astype(np.float32) for count in counts]
    values.append(np.stack([task.sample_goal(rng) for _ in range(3)]).astype(np.float32))
    here = asked(task, [torch.from_numpy(v) for v in values])
    with elsewhere(monkeypatch):
        away = asked(task, [torch.from_numpy(v).to(ELSEWHERE) for v in values])
        assert all(isinstance(x, Away) for x in away)
        found = [x.cpu() for x in away]
    for one, other in zip(here, found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
