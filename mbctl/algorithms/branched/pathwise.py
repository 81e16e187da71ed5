"""What MAAC and DDPPO share: a policy that climbs the return along its own paths in a model."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from mbctl.algorithms.algorithm import Metrics
from mbctl.algorithms.branched.settings import PathSettings
from mbctl.algorithms.sac.soft_actor_critic import SoftActorCritic
from mbctl.critics.twin_q import TwinQ
from mbctl.losses.pathwise import PathwiseReturn
from mbctl.losses.sac import temperature_loss
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class PathwiseActorCritic(SoftActorCritic, ABC):
    """Updates a policy from starts, through what `returned` says of them.

    Attributes:
        skipped: policy steps left out so far, for a gradient that is no number.
    """

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        settings: PathSettings,
    ) -> None:
        super().__init__(task, policy, critic, settings)
        clip = settings.policy_gradient_norm
        self.gradient_norm = torch.inf if clip is None else clip
        self.skipped = 0

    @abstractmethod
    def returned(self, starts: Tensor, alpha: Tensor, generator: torch.Generator) -> PathwiseReturn:
        """The policy's objective at each of the starts [B, O], as the robot sees them."""

    def metrics(self) -> Metrics:
        """Numbers of the last update, and of all that were skipped; none before the first."""
        values = super().metrics()
        return {**values, "skipped_updates": float(self.skipped)} if values else {}

    def _improve_along_paths(
        self, starts: Tensor, alpha: Tensor, generator: torch.Generator
    ) -> None:
        value, log_prob = self.returned(starts, alpha, generator)
        loss = -value.mean()
        if self.settings.learn_temperature:
            loss = loss + temperature_loss(self.log_alpha, log_prob, self.target_entropy)
        self.policy_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip_grad_norm_(self.policy.ordered, self.gradient_norm)
        if bool(norm.isfinite()):
            self.policy_optimizer.step()
            self._last |= {"path_return": value.detach(), "policy_gradient_norm": norm}
        else:
            self.skipped += 1
        self._last["entropy"] = -log_prob.detach()
