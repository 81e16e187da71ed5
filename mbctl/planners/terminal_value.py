"""What lies behind a plan's horizon, from a snapshot: the smaller of two action values.

V(o) = min_i Q_i(o, a(o)) / scale, where a(o) is what the policy's mean becomes on the robot. MAAC's
planner (Clavera et al. 2020) ends its plans so.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from mbctl.critics.twin_q import TwinQ
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.policies.planner_architecture import ValueArchitecture
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class TwinQValue:
    """Values of physical states, by a policy and its critics; a `TerminalValue`.

    Critics are asked in the policy's view, about actions as the robot applies them.

    Args:
        reward_scale: what rewards were multiplied by while the critics learned; values are in
            rewards as they are.
    """

    def __init__(
        self,
        task: Task,
        policy: GaussianPolicy | SquashedGaussianPolicy,
        critic: TwinQ,
        reward_scale: float = 1.0,
    ) -> None:
        self.task = task
        self.policy = policy
        self.critic = critic
        self.reward_scale = reward_scale

    @torch.no_grad()
    def __call__(self, physical: Tensor, last_action: Tensor, goal: Tensor) -> Tensor:
        """[E, N] of physical [E, N, P], last action [E, N, A] and goal [E, N, G]."""
        observation = self.task.observation(physical, last_action, goal).flatten(0, 1)
        seen, _ = self.policy.canonical(observation)
        asked = self.policy.mean(seen)
        applied = self.task.applied_action(self.task.physical(seen), asked)
        value = self.critic.values(seen, applied).amin(dim=0) / self.reward_scale
        return value.reshape(physical.shape[:-1])


def twin_q_of(task: Task, architecture: ValueArchitecture, weights: Mapping[str, Tensor]) -> TwinQ:
    """The critics whose tensors a snapshot has as `value.*`; `weights` without that prefix."""
    sizes = len(task.observation_names), len(task.robot.joints), architecture.hidden
    unused = torch.Generator(weights["input_shift"].device)
    critic = TwinQ(*sizes, architecture.layer_norm, unused)
    critic.input_shift, critic.input_scale = weights["input_shift"], weights["input_scale"]
    with torch.no_grad():
        for name, parameter in twin_q_parameters(critic).items():
            parameter.copy_(weights[name])
    return critic


def twin_q_parameters(critic: TwinQ) -> dict[str, Tensor]:
    """The critics' own tensors by their names in a snapshot, without `value.`."""
    network = critic.network
    named: dict[str, Tensor] = {}
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        named[f"layers.{i}.weight"], named[f"layers.{i}.bias"] = weight, bias
    for i, (gain, offset) in enumerate(zip(network.gains, network.offsets, strict=True)):
        named[f"gains.{i}"], named[f"offsets.{i}"] = gain, offset
    return named
