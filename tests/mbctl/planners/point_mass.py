"""A point mass on a line whose best plans are known in closed form, and ensembles of it."""

import torch
from torch import Tensor

STEP_S = 0.1
VELOCITY_COST = 0.1
A = torch.tensor([[1.0, STEP_S], [0.0, 1.0]])
B = torch.tensor([0.5 * STEP_S**2, STEP_S])


class PointMass:
    """Position and velocity; the action is an acceleration; too far out is out.

    The reward of arriving at (x, v) is -(x - g)^2 - 0.1 v^2.
    """

    edge_m = 10.0

    def observation(self, physical: Tensor, last_action: Tensor, goal: Tensor) -> Tensor:
        return torch.cat([physical, last_action, goal], dim=-1)

    def applied_action(self, physical: Tensor, action: Tensor) -> Tensor:
        return action.clamp(-1, 1)

    def action_cost(self, applied_action: Tensor) -> Tensor:
        return torch.zeros(applied_action.shape[:-1])

    def terminated(self, physical: Tensor) -> Tensor:
        return ~(physical[..., 0].abs() < self.edge_m)

    def reward(self, physical: Tensor, goal: Tensor) -> Tensor:
        off = physical[..., 0] - goal[..., 0]
        return -(off**2) - VELOCITY_COST * physical[..., 1] ** 2


class PointMasses:
    """An ensemble: member e accelerates by gains[e] times the action. Gain 1 is the truth."""

    def __init__(self, *gains: float) -> None:
        self.gains = torch.tensor(gains)
        self.calls = 0

    @property
    def members(self) -> int:
        return len(self.gains)

    def predict(self, physical: Tensor, action: Tensor) -> Tensor:
        self.calls += 1
        return physical @ A.T + self.gains[:, None, None] * action * B


def quadratic_optimum(physical: Tensor, goal: float, horizon: int) -> tuple[Tensor, float]:
    """The best actions [H] without bounds, by least squares, and the return of them."""
    effect = torch.zeros(horizon, 2, horizon)
    free = torch.zeros(horizon, 2)
    state = physical.clone()
    for t in range(horizon):
        state = A @ state
        free[t] = state
        for k in range(t + 1):
            effect[t, :, k] = torch.linalg.matrix_power(A, t - k) @ B
    weight = torch.tensor([1.0, VELOCITY_COST]).sqrt()
    matrix = (effect * weight[:, None]).reshape(-1, horizon).double()
    target = ((torch.tensor([goal, 0.0]) - free) * weight).reshape(-1).double()
    best = torch.linalg.lstsq(matrix, target).solution
    return best.float(), -float((matrix @ best - target).square().sum())
