"""Soft actor-critic as it is usually written: four networks, eager, each step as in the paper.

The same maths on the same draws as mbctl.algorithms.sac.soft_actor_critic; it is the baseline, so
it is kept as plain as it can be.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from mbctl.algorithms.sac.soft_actor_critic import SoftActorCritic
from mbctl.algorithms.sac.transitions import Transitions
from mbctl.policies.manifest import LOG_STD_RANGE


class PlainSoftActorCritic:
    """Starts where `learner` stands.

    Args:
        freeze: spare the critics' weights a gradient in the policy's step, as some code does.
    """

    def __init__(self, learner: SoftActorCritic, freeze: bool) -> None:
        self.freeze = freeze
        self.settings = learner.settings
        self.target_entropy = learner.target_entropy
        self.applied = learner.applied
        self.policy = _sequential(list(learner.policy.ordered))
        self.critics = [_member(learner, number) for number in range(2)]
        self.targets = copy.deepcopy(self.critics)
        self.log_alpha = learner.log_alpha.detach().clone().requires_grad_()
        rates = self.settings
        self.policy_optimizer = _adam(list(self.policy.parameters()), rates.policy_learning_rate)
        self.critic_optimizer = _adam(self.critic_parameters, rates.critic_learning_rate)
        self.alpha_optimizer = _adam([self.log_alpha], rates.temperature_learning_rate)

    @property
    def critic_parameters(self) -> list[Tensor]:
        return [p for critic in self.critics for p in critic.parameters()]

    def update(self, batch: Transitions, generator: torch.Generator) -> None:
        """One step of the critics, the policy, the temperature and the targets."""
        alpha = self.log_alpha.exp().detach()
        with torch.no_grad():
            action, log_prob = self._sample(batch.next_observation, generator)
            applied = self.applied(batch.next_observation, action)
            q = torch.min(*self._values(self.targets, batch.next_observation, applied))
            going_on = self.settings.gamma * (1 - batch.terminated)
            target = batch.reward + going_on * (q - alpha * log_prob)
        first, second = self._values(self.critics, batch.observation, batch.action)
        loss = 0.5 * functional.mse_loss(first, target) + 0.5 * functional.mse_loss(second, target)
        _step(self.critic_optimizer, loss)
        self._improve_policy(batch.observation, alpha, generator)
        with torch.no_grad():
            for critic, slow in zip(self.critics, self.targets, strict=True):
                for new, old in zip(critic.parameters(), slow.parameters(), strict=True):
                    rate = self.settings.target_rate
                    old.copy_((1 - rate) * old + rate * new)

    def _improve_policy(
        self, observation: Tensor, alpha: Tensor, generator: torch.Generator
    ) -> None:
        for parameter in self.critic_parameters if self.freeze else ():
            parameter.requires_grad_(False)
        action, log_prob = self._sample(observation, generator)
        q = torch.min(*self._values(self.critics, observation, self.applied(observation, action)))
        _step(self.policy_optimizer, (alpha * log_prob - q).mean())
        temperature = -(self.log_alpha * (log_prob + self.target_entropy).detach()).mean()
        _step(self.alpha_optimizer, temperature)
        for parameter in self.critic_parameters if self.freeze else ():
            parameter.requires_grad_(True)

    def _sample(self, observation: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        mean, log_std = self.policy(observation).chunk(2, dim=-1)
        std = log_std.clamp(*LOG_STD_RANGE).exp()
        noise = torch.randn(mean.shape, generator=generator)
        pre_squash = mean + std * noise
        log_prob = torch.distributions.Normal(mean, std).log_prob(pre_squash)
        log_prob = log_prob - 2 * (
            torch.log(torch.tensor(2.0)) - pre_squash - functional.softplus(-2 * pre_squash)
        )
        return torch.tanh(pre_squash), log_prob.sum(dim=-1)

    @staticmethod
    def _values(critics: list[nn.Sequential], observation: Tensor, action: Tensor) -> list[Tensor]:
        inputs = torch.cat([observation, action], dim=-1)
        return [critic(inputs).squeeze(-1) for critic in critics]


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _adam(parameters: list[Tensor], rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(parameters, lr=rate, foreach=False, fused=False)


def _member(learner: SoftActorCritic, number: int) -> nn.Sequential:
    network = learner.critic.network
    tensors: list[Tensor] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        tensors += [weight[number].T, bias[number, 0]]
    return _sequential(tensors)


def _sequential(tensors: list[Tensor]) -> nn.Sequential:
    """Linear and ReLU layers from weights [out, in] and biases, in turn."""
    layers: list[nn.Module] = []
    for i in range(0, len(tensors), 2):
        outputs, inputs = tensors[i].shape
        linear = nn.Linear(inputs, outputs)
        linear.load_state_dict({"weight": tensors[i], "bias": tensors[i + 1]})
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
