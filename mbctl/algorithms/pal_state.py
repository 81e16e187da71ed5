"""PAL's checkpoint: every tensor that its next move depends on, by name."""

import json
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mbctl.algorithms.pal import Pal

_OPTIMIZERS = ("fitter", "value")


def pal_state(pal: "Pal") -> dict[str, Tensor]:
    """Named copies of weights, statistics, optimiser moments and random states."""
    state = {f"model.{k}": v for k, v in pal.model.network.state_dict().items()}
    state |= {f"value.{k}": v for k, v in pal.value.network.state_dict().items()}
    for i, parameter in enumerate(pal.policy.parameters):
        state[f"policy.{i}"] = parameter
    state["policy.input_shift"] = pal.policy.input_shift
    state["policy.input_scale"] = pal.policy.input_scale
    statistics = pal.model.statistics
    state["statistics.input_shift"] = statistics.input_shift
    state["statistics.input_scale"] = statistics.input_scale
    state["statistics.difference_scale"] = statistics.difference_scale
    state["statistics.residual_scale"] = pal.model.residual_scale
    state["value.scale"] = pal.value.scale
    state["generator"] = pal.generator.get_state()
    numpy_state = json.dumps(pal.rng.bit_generator.state).encode()
    state["rng"] = torch.frombuffer(bytearray(numpy_state), dtype=torch.uint8)
    state["counters"] = torch.tensor([pal.rows_fitted, int(pal.model.fitted)])
    for name in _OPTIMIZERS:
        for i, entry in getattr(pal, name).optimizer.state_dict()["state"].items():
            state |= {f"adam.{name}.{i}.{k}": v for k, v in entry.items()}
    return {k: v.detach().clone().contiguous() for k, v in state.items()}


def load_pal_state(pal: "Pal", state: dict[str, Tensor]) -> None:
    """Put back what `pal_state` took.

    Raises:
        ValueError: a tensor is missing or has another shape than this PAL's settings give.
    """
    expected = pal_state(pal)
    for name, tensor in expected.items():
        if name not in state:
            raise ValueError(f"checkpoint lacks {name!r}")
        if name != "rng" and state[name].shape != tensor.shape:
            raise ValueError(
                f"checkpoint has {name!r} of shape {tuple(state[name].shape)}, "
                f"expected {tuple(tensor.shape)}"
            )
    pal.model.network.load_state_dict(_part(state, "model."))
    pal.value.network.load_state_dict(
        {k: v for k, v in _part(state, "value.").items() if k != "scale"}
    )
    for i in range(len(pal.policy.parameters)):
        pal.policy.parameters[i] = state[f"policy.{i}"].clone()
    pal.policy.input_shift = state["policy.input_shift"].clone()
    pal.policy.input_scale = state["policy.input_scale"].clone()
    statistics = pal.model.statistics
    statistics.input_shift = state["statistics.input_shift"].clone()
    statistics.input_scale = state["statistics.input_scale"].clone()
    statistics.difference_scale = state["statistics.difference_scale"].clone()
    pal.model.residual_scale = state["statistics.residual_scale"].clone()
    pal.value.scale = state["value.scale"].clone()
    pal.generator.set_state(state["generator"])
    pal.rng.bit_generator.state = json.loads(bytes(state["rng"].numpy()).decode())
    pal.rows_fitted = int(state["counters"][0])
    pal.model.fitted = bool(state["counters"][1])
    for name in _OPTIMIZERS:
        _load_adam(getattr(pal, name).optimizer, _part(state, f"adam.{name}."))


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _load_adam(optimizer: torch.optim.Optimizer, moments: dict[str, Tensor]) -> None:
    loaded = optimizer.state_dict()
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in moments.items():
        index, key = name.split(".", 1)
        entries.setdefault(int(index), {})[key] = tensor.clone()
    loaded["state"] = entries
    optimizer.load_state_dict(loaded)
