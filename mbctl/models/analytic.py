"""Tasks whose dynamics are known in closed form, so that a learner can do without a model."""

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Array = Any


@runtime_checkable
class AnalyticDynamics(Protocol):
    """What such a task offers beside `mbctl.tasks.task.Task`."""

    def step(self, physical: Array, action: Array) -> Array:
        """The next physical state [..., P] after an applied action [..., A], differentiable."""
        ...


class AnalyticModel:
    """The task's own dynamics in the place of a learned model (Tan et al. 2020, appendix B.3)."""

    members = 1

    def __init__(self, dynamics: AnalyticDynamics) -> None:
        self._dynamics = dynamics

    def sample(
        self,
        physical: Float[Tensor, "B P"],
        action: Float[Tensor, "B A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B P"]:
        """The next physical state; nothing is drawn."""
        return self._dynamics.step(physical, action)

    @torch.no_grad()
    def predict(
        self, physical: Float[Tensor, "E B P"], action: Float[Tensor, "E B A"]
    ) -> Float[Tensor, "E B P"]:
        """Next physical states."""
        return self._dynamics.step(physical, action)
