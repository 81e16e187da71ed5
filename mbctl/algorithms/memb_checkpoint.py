"""Checkpoint of MEMB: every tensor that its next move depends on, by name."""

import torch

from mbctl.algorithms.checkpoint import (
    State,
    adam_state,
    copies,
    load_adam_state,
    part,
    require_same_shapes,
)
from mbctl.algorithms.embedded_actor_critic import EmbeddedActorCritic


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
