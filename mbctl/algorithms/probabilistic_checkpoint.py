"""Checkpoint of a probabilistic ensemble and its fitter: all that the next fit depends on."""

import torch

from mbctl.algorithms.checkpoint import (
    State,
    adam_state,
    copies,
    load_adam_state,
    part,
    require_same_shapes,
)
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble


def probabilistic_state(fitter: ProbabilisticFitter, prefix: str) -> State:
    """Named copies, under names that begin with `prefix`, of weights, units, elites and moments."""
    state = {**_tensors(fitter.model), **_flags(fitter.model)}
    state |= {f"adam.{k}": v for k, v in adam_state(fitter.optimizer).items()}
    return {f"{prefix}{name}": value for name, value in copies(state).items()}


def load_probabilistic(fitter: ProbabilisticFitter, state: State, prefix: str) -> None:
    """Put back what `probabilistic_state` took.

    Raises:
        ValueError: a tensor is missing or has another shape than this learner's settings give.
    """
    model = fitter.model
    expected = {**_tensors(model), **_flags(model)}
    require_same_shapes({f"{prefix}{k}": v for k, v in expected.items()}, state)
    found = part(state, prefix)
    with torch.no_grad():
        for name, tensor in _tensors(model).items():
            tensor.copy_(found[name])
    model.elites = tuple(found["elites"].tolist())
    model.fitted = bool(found["fitted"][0])
    load_adam_state(fitter.optimizer, part(found, "adam."))


def _tensors(model: ProbabilisticEnsemble) -> State:
    """The tensors themselves."""
    tensors = {f"network.{k}": v for k, v in model.network.state_dict().items()}
    tensors["max_log_variance"] = model.max_log_variance
    tensors["min_log_variance"] = model.min_log_variance
    for name in ("input_shift", "input_scale", "target_shift", "target_scale"):
        tensors[f"statistics.{name}"] = getattr(model.statistics, name)
    return tensors


def _flags(model: ProbabilisticEnsemble) -> State:
    """What is no tensor in the model."""
    return {"elites": torch.tensor(model.elites), "fitted": torch.tensor([model.fitted])}
