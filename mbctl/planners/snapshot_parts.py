"""What a learner's model and critics add to its snapshot, to send a planner with the policy."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mbctl.critics.twin_q import TwinQ
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.nn.ensemble_mlp import EnsembleMLP
from mbctl.planners.terminal_value import twin_q_parameters
from mbctl.policies.planner_architecture import (
    PlannerArchitecture,
    Setting,
    ValueArchitecture,
)

Arrays = dict[str, np.ndarray]


def planner_parts(
    model: DeterministicEnsemble,
    search: Mapping[str, Setting],
    exploration_std: float,
    shift_steps_max: int,
    critic: TwinQ | None = None,
) -> tuple[PlannerArchitecture, Arrays]:
    """The entry in the manifest, and the float32 arrays that go with the policy's."""
    network = model.network
    units = model.statistics
    tensors = {
        "model.input_shift": units.input_shift,
        "model.input_scale": units.input_scale,
        "model.difference_shift": torch.zeros_like(units.difference_scale),
        "model.difference_scale": units.difference_scale,
    }
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        tensors |= {f"model.layers.{i}.weight": weight, f"model.layers.{i}.bias": bias}
    architecture = PlannerArchitecture(
        model="deterministic_ensemble",
        members=model.members,
        hidden=_hidden(network),
        activation="relu",
        kinematic=model.kinematic,
        search=dict(search),
        exploration_std=exploration_std,
        shift_steps_max=shift_steps_max,
        value=None if critic is None else _value(critic),
    )
    if critic is not None:
        tensors |= {
            "value.input_shift": critic.input_shift,
            "value.input_scale": critic.input_scale,
        }
        tensors |= {f"value.{name}": tensor for name, tensor in twin_q_parameters(critic).items()}
    return architecture, {name: _array(tensor) for name, tensor in tensors.items()}


def _hidden(network: EnsembleMLP) -> tuple[int, ...]:
    return tuple(weight.shape[-1] for weight in network.weights[:-1])


def _value(critic: TwinQ) -> ValueArchitecture:
    return ValueArchitecture(
        hidden=_hidden(critic.network), layer_norm=len(critic.network.gains) > 0
    )


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to(torch.float32).numpy().copy()
