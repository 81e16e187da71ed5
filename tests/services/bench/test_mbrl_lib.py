"""What is measured of mbrl-lib is what its users do: it learns, and it plans."""

import numpy as np
import torch

from services.bench import mbrl_lib

NETWORK = {"hidden": 16, "layers": 2, "members": 3}


def test_its_ensemble_learns():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(300, 4, generator=generator)
    work = mbrl_lib.training(inputs, inputs[:, :2].sin(), **NETWORK, batch=32, steps=20)
    first = work()
    for _ in range(10):
        last = work()
    assert last < first - 0.3


def test_it_plans_within_the_actions(task):
    torch.manual_seed(0)
    goal, start = torch.tensor([3.0]), np.zeros(20, dtype=np.float32)
    sizes = {"population": 40, "horizon": 4, "iterations": 3}
    search = mbrl_lib.plan(task, start, goal, **NETWORK, **sizes)
    found = search()
    assert found.shape == (4, 9)
    assert found.abs().max() <= 1
    assert found.abs().min() > 0
