"""What a learner's model and critics add to its snapshot, to send a planner with the policy."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mbctl.critics.twin_q import TwinQ
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.nn.ensemble_mlp import EnsembleMLP
from mbctl.planners.terminal_value import twin_q_parameters
from mbctl.policies.planner_architecture import PlannerArchitecture, Setting, ValueArchitecture

Arrays = dict[str, np.ndarray]
PlannableModel = DeterministicEnsemble | ProbabilisticEnsemble


def planner_parts(
    model: PlannableModel,
    search: Mapping[str, Setting],
    exploration_std: float,
    shift_steps_max: int,
    critic: TwinQ | None = None,
    reward_scale: float = 1.0,
    explores: bool = True,
) -> tuple[PlannerArchitecture, Arrays]:
    """The entry in the manifest, and the float32 arrays that go with the policy's.

    Args:
        model: what is planned in.
        search, exploration_std, shift_steps_max, explores: see PlannerArchitecture.
        critic: what lies behind the horizon; None is nothing.
        reward_scale: what rewards were multiplied by while the critic learned.
    """
    network = model.network
    is_deterministic = isinstance(model, DeterministicEnsemble)
    tensors = _deterministic(model) if is_deterministic else _probabilistic(model)
    architecture = PlannerArchitecture(
        model="deterministic_ensemble" if is_deterministic else "probabilistic_ensemble",
        members=tensors["layers.0.bias"].shape[0],
        hidden=_hidden(network),
        activation=network.activation,
        kinematic=model.kinematic,
        search=dict(search),
        explores=explores,
        exploration_std=exploration_std,
        shift_steps_max=shift_steps_max,
        value=None if critic is None else _value(critic, reward_scale),
    )
    named = {f"model.{name}": tensor for name, tensor in tensors.items()}
    if critic is not None:
        units = {"input_shift": critic.input_shift, "input_scale": critic.input_scale}
        values = units | twin_q_parameters(critic)
        named |= {f"value.{name}": tensor for name, tensor in values.items()}
    return architecture, {name: _array(tensor) for name, tensor in named.items()}


def _deterministic(model: DeterministicEnsemble) -> dict[str, Tensor]:
    return {
        "input_shift": model.input_shift,
        "input_scale": model.input_scale,
        "difference_shift": torch.zeros_like(model.difference_scale),
        "difference_scale": model.difference_scale,
        **_layers(model.network),
    }


def _probabilistic(model: ProbabilisticEnsemble) -> dict[str, Tensor]:
    """Of its elites, and of the last layer the columns that are means of physical differences."""
    size = model.physical_dim
    layers = {name: tensor[model.elite_members] for name, tensor in _layers(model.network).items()}
    last = len(model.network.weights) - 1
    for name in (f"layers.{last}.weight", f"layers.{last}.bias"):
        layers[name] = layers[name][..., :size]
    return {
        "input_shift": model.input_shift,
        "input_scale": model.input_scale,
        "difference_shift": model.target_shift[:size],
        "difference_scale": model.target_scale[:size],
        **layers,
    }


def _layers(network: EnsembleMLP) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {}
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        named[f"layers.{i}.weight"], named[f"layers.{i}.bias"] = weight, bias
    return named


def _hidden(network: EnsembleMLP) -> tuple[int, ...]:
    return tuple(weight.shape[-1] for weight in list(network.weights)[:-1])


def _value(critic: TwinQ, reward_scale: float) -> ValueArchitecture:
    return ValueArchitecture(
        hidden=_hidden(critic.network),
        layer_norm=len(critic.network.gains) > 0,
        reward_scale=reward_scale,
    )


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32).numpy().copy()
