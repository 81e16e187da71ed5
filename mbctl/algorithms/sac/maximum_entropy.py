"""What each update of a maximum-entropy actor-critic has: a temperature, and actions as applied.

Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications, https://arxiv.org/abs/1812.05905,
section 5.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from mbctl.algorithms.algorithm import Metrics
from mbctl.algorithms.sac.settings import ActorCriticSettings
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class Temperature(nn.Module):
    """How much an action's entropy is worth.

    Attributes:
        log_alpha: its logarithm, a scalar.
    """

    def __init__(self, settings: ActorCriticSettings, device: torch.device) -> None:
        super().__init__()
        start = torch.tensor(math.log(settings.initial_temperature), device=device)
        self.log_alpha = nn.Parameter(start, requires_grad=settings.learn_temperature)


class MaximumEntropyUpdate(ABC):
    """Policy, temperature, and the numbers of the last update.

    Critics are asked about actions as the robot applies them, which is what replay rows hold: what
    the policy requests goes through `applied` first. The policy's density and entropy are those of
    its requests.

    Attributes:
        temperature: alpha, as a module.

    Raises:
        ValueError: the settings ask for more entropy than a policy can have.
    """

    def __init__(
        self, task: Task, policy: SquashedGaussianPolicy, settings: ActorCriticSettings
    ) -> None:
        self.task = task
        self.policy = policy
        self.settings = settings
        self.target_entropy = settings.entropy_of(len(task.robot.joints))
        self.temperature = Temperature(settings, policy.input_shift.device)
        self._last: dict[str, Tensor] = {}

    @property
    def log_alpha(self) -> Tensor:
        return self.temperature.log_alpha

    def modules(self) -> dict[str, nn.Module]:
        """What it learns, by name."""
        return {"policy": self.policy, "temperature": self.temperature}

    @abstractmethod
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam's that it learns with, by name."""

    def metrics(self) -> Metrics:
        """Numbers of the last update; none before the first.

        Raises:
            FloatingPointError: one is not finite. Critics do not come back from that, and a policy
                that is only no longer improved would go on to be published as a new one.
        """
        values = {name: float(value.mean()) for name, value in self._last.items()}
        for name, value in values.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"learning has come to {name} = {value}; look for rows of unusual size, or "
                    "lower the learning rates"
                )
        return {**values, "temperature": float(self.log_alpha.detach().exp())} if values else {}

    def applied(self, observation: Tensor, action: Tensor) -> Tensor:
        """What the robot makes of a request, [B, A], differentiable as the settings say."""
        applied = self.task.applied_action(self.task.physical(observation), action)
        if self.settings.bound_gradient == "exact":
            return applied
        return action + (applied - action).detach()

    def _policy_groups(self) -> list[dict[str, Any]]:
        """What an optimizer moves of policy and temperature, each at its own rate."""
        settings = self.settings
        groups = [{"params": self.policy.ordered, "lr": settings.policy_learning_rate}]
        if settings.learn_temperature:
            rate = settings.temperature_learning_rate
            groups.append({"params": [self.log_alpha], "lr": rate})
        return groups
