"""Checkpoint of a soft actor-critic: every tensor that its next update depends on, by name."""

import torch

from mbctl.algorithms.checkpoint import (
    State,
    adam_state,
    copies,
    load_adam_state,
    part,
    require_same_shapes,
)
from mbctl.algorithms.soft_actor_critic import SoftActorCritic


def soft_actor_critic_state(learner: SoftActorCritic) -> State:
    """Named copies of weights, temperature and optimiser moments."""
    weights = _weights(learner)
    for name, optimizer in _optimizers(learner).items():
        weights |= {f"adam.{name}.{k}": v for k, v in adam_state(optimizer).items()}
    return copies(weights)


def load_soft_actor_critic(learner: SoftActorCritic, state: State) -> None:
    """Put back what `soft_actor_critic_state` took.

    Raises:
        ValueError: a tensor is missing or has another shape than this learner's settings give.
    """
    weights = _weights(learner)
    require_same_shapes(weights, state)
    with torch.no_grad():
        for name, tensor in weights.items():
            tensor.copy_(state[name])
    for name, optimizer in _optimizers(learner).items():
        load_adam_state(optimizer, part(state, f"adam.{name}."))


def _weights(learner: SoftActorCritic) -> State:
    """The tensors themselves."""
    policy, critic = learner.policy, learner.critic
    weights = {f"policy.{i}": parameter for i, parameter in enumerate(policy.parameters)}
    weights |= {f"critic.{k}": v for k, v in critic.network.state_dict().items()}
    weights |= {f"target.{k}": v for k, v in critic.target.state_dict().items()}
    for name, network in (("policy", policy), ("critic", critic)):
        weights[f"{name}.input_shift"] = network.input_shift
        weights[f"{name}.input_scale"] = network.input_scale
    return {**weights, "log_alpha": learner.log_alpha}


def _optimizers(learner: SoftActorCritic) -> dict[str, torch.optim.Optimizer]:
    return {"policy": learner.policy_optimizer, "critic": learner.critic_optimizer}
