"""The two nets of MEMB's model: where a step leads, and what it is worth.

Tan, Qu, Xiong, Zhang 2020, Model Embedding Model-Based Reinforcement Learning, section 3.1.

    symbol in the paper          here
    f(s, a, zeta)                SampledDynamics.sample
    r^(s, a, zeta)               SampledReward.sample

The dynamics are those of the physical part, asked with the action as applied; the reward is one of
the whole observation, which shows the goal.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.models.sampled_gaussian import SampledGaussian
from mbctl.tasks.task import Task, dynamics_input_width


class SampledDynamics:
    """s' = s + mu(s, a) + sigma(s, a) zeta on the physical part.

    Args:
        task: names the physical part, its features and its differences.
        hidden: widths of the hidden layers.
        kinematic: give the network what the robot's known geometry tells.
        generator: source of the initial weights.
    """

    members = 1

    def __init__(
        self, task: Task, hidden: tuple[int, ...], kinematic: bool, generator: torch.Generator
    ) -> None:
        self.task = task
        self.kinematic = kinematic
        sizes = dynamics_input_width(task, kinematic), len(task.physical_names)
        self.gaussian = SampledGaussian(*sizes, hidden, generator)

    def inputs(self, physical: Tensor, action: Tensor) -> Tensor:
        """Raw network inputs [..., I]."""
        return self.task.dynamics_inputs(physical, action, self.kinematic)

    def sample(
        self,
        physical: Float[Tensor, "B P"],
        action: Float[Tensor, "B A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B P"]:
        """The next physical state, differentiable by state and action alone."""
        return physical + self.gaussian.sample(self.inputs(physical, action), generator)

    def predict(
        self, physical: Float[Tensor, "1 B P"], action: Float[Tensor, "1 B A"]
    ) -> Float[Tensor, "1 B P"]:
        """Mean next states, no gradients."""
        return physical + self.gaussian.mean(self.inputs(physical[0], action[0]))[None]


class SampledReward:
    """r = mu(o, a) + sigma(o, a) zeta.

    Args:
        observation_dim, action_dim: O and A.
        hidden: widths of the hidden layers.
        generator: source of the initial weights.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        hidden: tuple[int, ...],
        generator: torch.Generator,
    ) -> None:
        self.gaussian = SampledGaussian(observation_dim + action_dim, 1, hidden, generator)

    def inputs(self, observation: Tensor, action: Tensor) -> Tensor:
        """Raw network inputs [..., O + A]."""
        return torch.cat([observation, action], dim=-1)

    def sample(
        self,
        observation: Float[Tensor, "B O"],
        action: Float[Tensor, "B A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B"]:
        """The reward of a step, differentiable by observation and action alone."""
        return self.gaussian.sample(self.inputs(observation, action), generator)[:, 0]
