"""Pieces that any learner's checkpoint is made of: named tensors, checked, and put back."""

from collections.abc import Collection

import torch
from torch import Tensor

State = dict[str, Tensor]


def part(state: State, prefix: str) -> State:
    """The tensors whose names begin with `prefix`, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def copies(state: State) -> State:
    """Tensors that later learning does not change."""
    return {k: v.detach().clone().contiguous() for k, v in state.items()}


def require_same_shapes(expected: State, state: State, *, any_shape: Collection[str] = ()) -> None:
    """Make sure that `state` fits where `expected` was taken.

    Args:
        any_shape: names of tensors that must be there and may have any shape, such as packed text.

    Raises:
        ValueError: a tensor is missing or has another shape than this learner's settings give.
    """
    for name, tensor in expected.items():
        if name not in state:
            raise ValueError(f"checkpoint lacks {name!r}")
        if name not in any_shape and state[name].shape != tensor.shape:
            raise ValueError(
                f"checkpoint has {name!r} of shape {tuple(state[name].shape)}, "
                f"expected {tuple(tensor.shape)}"
            )


def adam_state(optimizer: torch.optim.Optimizer) -> State:
    """Moments and step counts, `{parameter}.{what}`; empty before the first step."""
    entries = optimizer.state_dict()["state"].items()
    return {f"{i}.{what}": value for i, entry in entries for what, value in entry.items()}


def load_adam_state(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Put back what `adam_state` gave."""
    loaded = optimizer.state_dict()
    entries: dict[int, State] = {}
    for name, tensor in state.items():
        index, what = name.split(".", 1)
        entries.setdefault(int(index), {})[what] = tensor.clone()
    loaded["state"] = entries
    optimizer.load_state_dict(loaded)
