"""mbrl-lib's own training step and CEM plan, on work that is like ours; only where it is installed.

mbrl-lib: https://github.com/facebookresearch/mbrl-lib, on PyPI `mbrl` 0.2.0. It pins packages that
do not go with ours and needs none of those pins here; `make setup` installs it without them.
"""

import importlib.util
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbctl.tasks.task import Task

_DEVICE = "cpu"


def is_installed() -> bool:
    """Whether there is something to measure."""
    return importlib.util.find_spec("mbrl") is not None


def training(
    inputs: Tensor, targets: Tensor, hidden: int, layers: int, members: int, batch: int, steps: int
) -> Callable[[], float]:
    """`steps` updates of its ensemble with learned variance on standardised [N, I], [N, D].

    Each member draws its own rows, as its trainer's iterator has it. The work gives the last loss.
    """
    model = _network(inputs.shape[1], targets.shape[1], hidden, layers, members, noisy=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(3)

    def work() -> float:
        loss = 0.0
        for _ in range(steps):
            rows = torch.randint(len(inputs), (members, batch), generator=generator)
            loss, _ = model.update(inputs[rows], optimizer, targets[rows])
        return loss

    return work


def plan(
    task: Task,
    physical: np.ndarray,
    goal: Tensor,
    *,
    hidden: int,
    layers: int,
    members: int,
    population: int,
    horizon: int,
    iterations: int,
) -> Callable[[], Tensor]:
    """A plan of its CEM on means of an untrained ensemble: one particle per member and sequence.

    Its model sees joint angles and velocities only; rewards are the task's objective.
    """
    from mbrl.models import ModelEnv, OneDTransitionRewardModel
    from mbrl.planning.trajectory_opt import CEMOptimizer

    columns, actions = len(task.physical_names), len(task.robot.joints)
    network = _network(columns + actions, columns, hidden, layers, members, noisy=False)
    network.set_propagation_method("fixed_model")
    model = OneDTransitionRewardModel(network, learned_rewards=False)

    def reward(action: Tensor, after: Tensor) -> Tensor:
        return task.objective(after, goal.expand(len(after), -1))[:, None]

    def never(action: Tensor, after: Tensor) -> Tensor:
        return torch.zeros(len(after), 1, dtype=torch.bool)

    spaces: Any = SimpleNamespace(observation_space=None, action_space=None)  # it asks no more
    world = ModelEnv(spaces, model, never, reward, torch.Generator().manual_seed(3))
    bounds = [[-1.0] * actions] * horizon, [[1.0] * actions] * horizon
    search = CEMOptimizer(iterations, 0.1, population, *bounds, 0.1, torch.device(_DEVICE))

    def value(sequences: Tensor) -> Tensor:
        return world.evaluate_action_sequences(sequences, physical, members)

    return lambda: search.optimize(value, torch.zeros(horizon, actions))


def _network(inputs: int, outputs: int, hidden: int, layers: int, members: int, *, noisy: bool):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, when they are imported
        from mbrl.models import GaussianMLP
        from omegaconf import OmegaConf

    return GaussianMLP(
        inputs,
        outputs,
        _DEVICE,
        layers,
        members,
        hidden,
        deterministic=not noisy,
        activation_fn_cfg=OmegaConf.create({"_target_": "torch.nn.SiLU"}),
    )
