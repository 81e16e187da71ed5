"""Checkpoint of a model-based NPG learner: every tensor that its next move depends on, by name."""

import json
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.checkpoint import adam_state, copies, load_adam_state, part
from mbctl.critics.value import ValueFunction
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import EnsembleFitter
from mbctl.policies.gaussian import GaussianPolicy


@runtime_checkable
class NpgLearner(Protocol):
    """The parts that a checkpoint covers."""

    model: DeterministicEnsemble
    fitter: EnsembleFitter
    policy: GaussianPolicy
    value: ValueFunction
    generator: torch.Generator
    rng: np.random.Generator
    rows_fitted: int


_OPTIMIZERS = ("fitter", "value")
PACKED = ("rng",)
"""Text in bytes, of which the length may differ."""


def model_state(model: DeterministicEnsemble, prefix: str) -> dict[str, Tensor]:
    """A model's weights and statistics under names that begin with `prefix`; not copied."""
    state = {f"{prefix}model.{k}": v for k, v in model.network.state_dict().items()}
    statistics = model.statistics
    state[f"{prefix}statistics.input_shift"] = statistics.input_shift
    state[f"{prefix}statistics.input_scale"] = statistics.input_scale
    state[f"{prefix}statistics.difference_scale"] = statistics.difference_scale
    state[f"{prefix}statistics.residual_scale"] = model.residual_scale
    return state


def load_model_state(model: DeterministicEnsemble, state: dict[str, Tensor], prefix: str) -> None:
    """Put copies of what `model_state` took into `model`."""
    model.network.load_state_dict(part(state, f"{prefix}model."))
    found = {k: v.detach().clone() for k, v in part(state, f"{prefix}statistics.").items()}
    model.statistics.input_shift = found["input_shift"]
    model.statistics.input_scale = found["input_scale"]
    model.statistics.difference_scale = found["difference_scale"]
    model.residual_scale = found["residual_scale"]


def learner_state(learner: NpgLearner) -> dict[str, Tensor]:
    """Named copies of weights, statistics, optimiser moments and random states."""
    state = model_state(learner.model, "")
    state |= {f"value.{k}": v for k, v in learner.value.network.state_dict().items()}
    for i, parameter in enumerate(learner.policy.parameters):
        state[f"policy.{i}"] = parameter
    state["policy.input_shift"] = learner.policy.input_shift
    state["policy.input_scale"] = learner.policy.input_scale
    state["value.scale"] = learner.value.scale
    state["generator"] = learner.generator.get_state()
    numpy_state = json.dumps(learner.rng.bit_generator.state).encode()
    state["rng"] = torch.frombuffer(bytearray(numpy_state), dtype=torch.uint8)
    state["counters"] = torch.tensor([learner.rows_fitted, int(learner.model.fitted)])
    for name in _OPTIMIZERS:
        moments = adam_state(getattr(learner, name).optimizer)
        state |= {f"adam.{name}.{k}": v for k, v in moments.items()}
    return copies(state)


def load_learner_state(learner: NpgLearner, state: dict[str, Tensor]) -> None:
    """Put back what `learner_state` took."""
    load_model_state(learner.model, state, "")
    learner.value.network.load_state_dict(
        {k: v for k, v in part(state, "value.").items() if k != "scale"}
    )
    for i in range(len(learner.policy.parameters)):
        learner.policy.parameters[i] = state[f"policy.{i}"].clone()
    learner.policy.input_shift = state["policy.input_shift"].clone()
    learner.policy.input_scale = state["policy.input_scale"].clone()
    learner.value.scale = state["value.scale"].clone()
    learner.generator.set_state(state["generator"])
    learner.rng.bit_generator.state = json.loads(bytes(state["rng"].numpy()).decode())
    learner.rows_fitted = int(state["counters"][0])
    learner.model.fitted = bool(state["counters"][1])
    for name in _OPTIMIZERS:
        load_adam_state(getattr(learner, name).optimizer, part(state, f"adam.{name}."))
