"""One update of MEMB: Q and V from real transitions, the policy through one step of the model.

Tan, Qu, Xiong, Zhang 2020, Model Embedding Model-Based Reinforcement Learning, step 3 of
Algorithm 1.
"""

import torch
from torch import Tensor

from mbctl.algorithms.checkpoint import (
    State,
    adam_state,
    copies,
    load_adam_state,
    part,
    require_same_shapes,
)
from mbctl.algorithms.memb.model import EmbeddedModel
from mbctl.algorithms.memb.settings import MembSettings
from mbctl.algorithms.sac.maximum_entropy import MaximumEntropyUpdate
from mbctl.algorithms.sac.standard_inputs import standardise_inputs, widen_inputs
from mbctl.algorithms.sac.transitions import Transitions
from mbctl.critics.soft_value import SoftValue
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.memb import embedded_value, value_loss
from mbctl.losses.sac import critic_loss, critic_target, temperature_loss
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class EmbeddedActorCritic(MaximumEntropyUpdate):
    """Updates a policy, its V and its twin Q."""

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        value: SoftValue,
        model: EmbeddedModel,
        settings: MembSettings,
    ) -> None:
        super().__init__(task, policy, settings)
        self.critic = critic
        self.value = value
        self.model = model
        self.embedding = settings
        critics = {
            "params": [*critic.parameters, *value.parameters],
            "lr": settings.critic_learning_rate,
        }
        self.optimizer = torch.optim.Adam([critics, *self._policy_groups()], fused=True)

    def update(self, batch: Transitions, generator: torch.Generator) -> None:
        """One gradient step of Q, V and policy, each from what the others were before it."""
        # No loss depends on what another one moves, so one backward pass serves all.
        losses = self.losses(batch, generator)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self.optimizer.step()
        self.value.track(self.settings.target_rate)
        self._last |= {name: loss.detach() for name, loss in losses.items()}

    def follow_inputs(self, replay: Replay, *, begin: bool) -> None:
        """Standardise what the networks see: at the beginning, and where columns outgrow it."""
        critics = [self.critic, self.value]
        if begin:
            standardise_inputs(self.policy, critics, replay)
        else:
            widen_inputs(self.policy, critics, replay, [self.optimizer])

    def losses(self, batch: Transitions, generator: torch.Generator) -> dict[str, Tensor]:
        """Eq. 6 by Q, eq. 5 by V, minus eq. 8 by the policy, and the temperature's own."""
        alpha = self.log_alpha.detach().exp()
        observation = batch.observation
        action, log_prob = self.policy.sample(observation, generator)
        applied = self.applied(observation, action)
        with torch.no_grad():
            q_min = self.critic.values(observation, applied).min(dim=0).values
        future = self.value.target_values(batch.next_observation)
        target = critic_target(batch.reward, batch.terminated, future, self.settings.gamma)
        q = self.critic.values(observation, batch.action)
        imagined = self.imagined_value(observation, action, applied, log_prob, alpha, generator)
        losses = {
            "critic_loss": critic_loss(q, target),
            "value_loss": value_loss(self.value.values(observation), q_min, log_prob, alpha),
            "policy_loss": -imagined.mean(),
        }
        if self.settings.learn_temperature:
            losses["temperature_loss"] = temperature_loss(
                self.log_alpha, log_prob, self.target_entropy
            )
        self._last = {"q": q.detach(), "entropy": -log_prob.detach()}
        return losses

    def imagined_value(
        self,
        observation: Tensor,
        action: Tensor,
        applied: Tensor,
        log_prob: Tensor,
        alpha: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Eq. 8 of each row [B], with gradients by the action alone."""
        task, settings = self.task, self.embedding
        goal = task.goal(observation)
        after = self.model.dynamics.sample(task.physical(observation), applied, generator)
        reward = self._reward(observation, applied, after, goal, generator)
        seen, _ = self.policy.canonical(task.observation(after, action, goal))
        alive = 1.0 - task.terminated(after).to(reward) if settings.known_termination else 1.0
        future = self.value.values_for_actor(seen)
        return embedded_value(reward, log_prob, future, alive, alpha, settings.gamma)

    def _reward(
        self,
        observation: Tensor,
        applied: Tensor,
        after: Tensor,
        goal: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Of the step, in the units of the batches' rewards."""
        if self.model.reward is not None:
            return self.model.reward.sample(observation, applied, generator)
        task = self.task
        of = task.reward if self.embedding.reward == "task" else task.objective
        return self.embedding.reward_scale * (of(after, goal) - task.action_cost(applied))


def embedded_state(learner: EmbeddedActorCritic) -> State:
    """Named copies of weights, units, temperature and optimiser moments."""
    state = _weights(learner)
    for name, optimizer in _optimizers(learner).items():
        state |= {f"adam.{name}.{k}": v for k, v in adam_state(optimizer).items()}
    state["rows_in_units"] = torch.tensor([learner.model.rows_in_units])
    return copies(state)


def load_embedded(learner: EmbeddedActorCritic, state: State) -> None:
    """Put back what `embedded_state` took.

    Raises:
        ValueError: a tensor is missing or has another shape than this learner's settings give.
    """
    weights = _weights(learner)
    require_same_shapes({**weights, "rows_in_units": torch.zeros(1)}, state)
    with torch.no_grad():
        for name, tensor in weights.items():
            tensor.copy_(state[name])
    for name, optimizer in _optimizers(learner).items():
        load_adam_state(optimizer, part(state, f"adam.{name}."))
    learner.model.rows_in_units = int(state["rows_in_units"][0])


def _weights(learner: EmbeddedActorCritic) -> State:
    """The tensors themselves. Of the twin Q no slow copy: only V's is ever asked."""
    policy, critic, value = learner.policy, learner.critic, learner.value
    weights: State = {f"policy.{i}": parameter for i, parameter in enumerate(policy.parameters)}
    modules = {"critic": critic.network, "value": value.network, "target": value.target}
    for name, net in learner.model.nets().items():
        modules[name] = net.network
        weights |= {f"{name}.{k}": v for k, v in vars(net.units).items()}
    for name, module in modules.items():
        weights |= {f"{name}.{k}": v for k, v in module.state_dict().items()}
    for name, network in (("policy", policy), ("critic", critic), ("value", value)):
        weights[f"{name}.input_shift"] = network.input_shift
        weights[f"{name}.input_scale"] = network.input_scale
    return {**weights, "log_alpha": learner.log_alpha}


def _optimizers(learner: EmbeddedActorCritic) -> dict[str, torch.optim.Optimizer]:
    optimizers: dict[str, torch.optim.Optimizer] = {"learner": learner.optimizer}
    if learner.model.optimizer is not None:
        optimizers["model"] = learner.model.optimizer
    return optimizers
