"""Steps that take their value from one model and their gradient from another.

Li et al. 2022 (DDPPO), section 4.3, "model usage", and appendix B.1.2.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.models.imagine import STATE_LIMIT
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble


def value_and_slope(value: Tensor, slope: Tensor) -> Tensor:
    """p + (g - stopgrad(g)): the number p, with the gradient of g.

    Back-propagation through a path of such steps is the paper's: states of the prediction model,
    Jacobians of the gradient model at them.
    """
    return value.detach() + (slope - slope.detach())


class TwoModels:
    """The prediction model says where a step leads, the gradient model how that depends on it.

    Each is asked for the mean of one elite per row, drawn anew at each step. Means are the paper's
    (appendix B.1.2), the draw its code's.

    Args:
        predictor: tells values.
        gradient_model: tells gradients by state and action.
        generator: which elites are asked.
    """

    def __init__(
        self,
        predictor: ProbabilisticEnsemble,
        gradient_model: ProbabilisticEnsemble,
        generator: torch.Generator,
    ) -> None:
        self.predictor = predictor
        self.gradient_model = gradient_model
        self.generator = generator
        self._reward: Tensor | None = None

    def step(
        self, physical: Float[Tensor, "B P"], applied: Float[Tensor, "B A"]
    ) -> Float[Tensor, "B P"]:
        """Next physical state."""
        told = self.predictor.sample(physical, applied, self.generator, noise=False)
        sloped = self.gradient_model.sample_differentiable(
            physical, applied, self.generator, noise=False
        )
        if told.reward is not None and sloped.reward is not None:
            self._reward = value_and_slope(told.reward, sloped.reward)
        held = told.next_physical.clamp(-STATE_LIMIT, STATE_LIMIT)
        return value_and_slope(held, sloped.next_physical)

    def learned_reward(
        self, physical: Tensor, applied: Tensor, after: Tensor, goal: Tensor
    ) -> Float[Tensor, "B"]:
        """The reward of the last step, as the models have learned it from state and action.

        Raises:
            ValueError: the models do not learn it, or there was no step.
        """
        if self._reward is None:
            raise ValueError("no learned reward: the models do not learn it or took no step yet")
        return self._reward
