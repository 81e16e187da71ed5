"""Action sequences that a policy proposes, from its own rollouts in the model.

MAAC's planner (Clavera et al. 2020) starts at the policy's actions with the policy's standard
deviation. (Their code passes the logarithm of the latter.)
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.models.imagine import STATE_LIMIT
from mbctl.nn.device import randn_like
from mbctl.planners.dynamics import Dynamics, PlanningTask
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.policies.squashed import SquashedGaussianPolicy

_NODES = 7  # of the rule for a squashed deviation


@runtime_checkable
class ActionPrior(Protocol):
    """A policy as planners see it."""

    def distribution(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each [B, A], of actions for the robot, for [B, O].

        Both are those of the action itself: a policy that squashes gives tanh(mu) as the mean.
        """
        ...


class GaussianPrior:
    """A GaussianPolicy as prior; its mirror image is undone."""

    def __init__(self, policy: GaussianPolicy) -> None:
        self.policy = policy

    def distribution(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        seen, flipped = self.policy.canonical(observation)
        mean = self.policy.mean(seen)
        std = torch.exp(self.policy.log_std).expand_as(mean)
        # A reflection swaps and negates; the sign means nothing to a standard deviation.
        return self.policy.applied(mean, flipped), self.policy.applied(std, flipped).abs()


class SquashedPrior:
    """A SquashedGaussianPolicy as prior; its mirror image is undone.

    The standard deviation of tanh(u), u ~ N(mu, sigma^2), is an integral: Gauss and Hermite's rule
    for it, about the mean that the robot gets, tanh(mu).
    """

    def __init__(self, policy: SquashedGaussianPolicy) -> None:
        self.policy = policy
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        device = policy.input_shift.device
        self.nodes = torch.from_numpy(nodes.astype(np.float32)).to(device)
        shares = (weights / weights.sum()).astype(np.float32)
        self.weights = torch.from_numpy(shares).to(device)

    def distribution(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        seen, flipped = self.policy.canonical(observation)
        centre, log_std = self.policy.distribution(seen)
        mean = torch.tanh(centre)
        drawn = torch.tanh(centre[..., None] + log_std.exp()[..., None] * self.nodes)
        std = ((drawn - mean[..., None]).square() @ self.weights).sqrt()
        return self.policy.applied(mean, flipped), self.policy.applied(std, flipped).abs()


@dataclass(frozen=True)
class Proposals:
    """What the policy would do.

    Attributes:
        actions: [H, M, A] within [-1, 1]; the first E are noise-free rollouts, one in each member.
        std: [H, A] along the noise-free rollouts, averaged over members.
    """

    actions: Float[Tensor, "H M A"]
    std: Float[Tensor, "H A"]


class PolicyProposal:
    """Rolls a policy in the model.

    Each rollout stays in one member. That costs a fraction of rolling each in all of them, and
    proposals differ the way members do.

    Args:
        task, model: what the policy acts in.
        prior: the policy.
        count: M, rounded down to a multiple of E, but at least E.
        generator: source of the policy's noise.
    """

    def __init__(
        self,
        task: PlanningTask,
        model: Dynamics,
        prior: ActionPrior,
        count: int,
        generator: torch.Generator,
    ) -> None:
        self.task = task
        self.model = model
        self.prior = prior
        self.per_member = max(1, count // model.members)
        self.generator = generator

    @torch.no_grad()
    def roll(
        self,
        physical: Float[Tensor, "P"],
        last_action: Float[Tensor, "A"],
        goal: Float[Tensor, "G"],
        horizon: int,
    ) -> Proposals:
        """M rollouts of `horizon` steps from `physical`."""
        rows = self.model.members, self.per_member
        state = physical.expand(*rows, -1)
        asked = last_action.expand(*rows, -1)
        aim = goal.expand(*rows, -1)
        actions, stds = [], []
        for t in range(horizon):
            seen = self.task.observation(state, asked, aim).flatten(0, 1)
            mean, std = self.prior.distribution(seen)
            noise = randn_like(mean, self.generator).reshape(*rows, -1)
            noise[:, 0] = 0
            asked = torch.addcmul(mean, std, noise.flatten(0, 1)).clamp(-1, 1)
            asked = asked.reshape(*rows, -1)
            actions.append(asked.transpose(0, 1).flatten(0, 1))
            stds.append(std.reshape(*rows, -1)[:, 0].mean(dim=0))
            if t < horizon - 1:
                after = self.model.predict(state, self.task.applied_action(state, asked))
                state = after.clamp(-STATE_LIMIT, STATE_LIMIT)
        return Proposals(torch.stack(actions), torch.stack(stds))
