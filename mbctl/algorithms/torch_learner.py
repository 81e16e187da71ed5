"""What our learners share: one generator on one device, and a state that is that of their modules.

A state is named tensors, all on the CPU:

    {module}.{tensor}                  as the module's state_dict has it
    adam.{optimizer}.{i}.{what}        moments and step count of its parameter i
    generator                          torch's state of random draws
    rows_used, rows_fitted, ...        counts, [1]
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from mbctl.algorithms.old_checkpoint import with_names_of_today
from mbctl.nn.device import torch_device
from mbctl.policies.network import PolicyNetwork

State = dict[str, Tensor]
P = TypeVar("P", bound=PolicyNetwork)


class TorchLearner(ABC, Generic[P]):
    """State and snapshot of a learner; its moves are its subclass's.

    Args:
        seed: of every random draw that learning makes.
        device: where it computes, as `torch_device` takes it; states are on the CPU all the same.

    Class attributes:
        COUNTS: names of the attributes that are counts, of rows for instance.
        ANY_LENGTH: names of tensors of a state whose length may be another one.

    Raises:
        DeviceError: there is no such device.
    """

    COUNTS: ClassVar[tuple[str, ...]]
    ANY_LENGTH: ClassVar[tuple[str, ...]] = ()

    policy: P

    def __init__(self, seed: int, device: str) -> None:
        self.device = torch_device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    @abstractmethod
    def modules(self) -> Mapping[str, nn.Module]:
        """What it learns, by name."""

    @abstractmethod
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Adam's that it learns with, by name."""

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What the robot runs: the policy's architecture and its float32 weights by name."""
        return self.policy.snapshot()

    def state(self) -> State:
        """Everything that the next move depends on, as copies on the CPU."""
        state = self._tensors()
        for name, optimizer in self.optimizers().items():
            state |= {f"adam.{name}.{k}": v for k, v in adam_state(optimizer).items()}
        return {k: v.detach().to("cpu", copy=True).contiguous() for k, v in state.items()}

    def load_state(self, state: State) -> None:
        """Go on exactly where `state` was taken; on another kind of device, with other draws.

        Raises:
            ValueError: a tensor is missing or has another shape than this learner's settings give.
        """
        state = with_names_of_today(state)
        require_same_shapes(self._tensors(), state, any_shape=("generator", *self.ANY_LENGTH))
        for name, module in self.modules().items():
            module.load_state_dict(part(state, f"{name}."))
        for name, optimizer in self.optimizers().items():
            load_adam_state(optimizer, part(state, f"adam.{name}."))
        restore_generator(self.generator, state["generator"])
        for name in self.COUNTS:
            setattr(self, name, int(state[name][0]))

    def _tensors(self) -> State:
        """All but the optimisers', of which a fresh learner has none."""
        state = {
            f"{n}.{k}": v for n, m in self.modules().items() for k, v in m.state_dict().items()
        }
        state["generator"] = self.generator.get_state()
        return state | {n: torch.tensor([getattr(self, n)], device="cpu") for n in self.COUNTS}


def part(state: State, prefix: str) -> State:
    """The tensors whose names begin with `prefix`, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


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


def restore_generator(generator: torch.Generator, state: Tensor) -> None:
    """Go on drawing where `state` was taken; that of another kind of device seeds this one."""
    if state.shape == generator.get_state().shape:
        generator.set_state(state)
        return
    digest = hashlib.sha256(state.numpy().tobytes()).digest()
    generator.manual_seed(int.from_bytes(digest[:7]))
