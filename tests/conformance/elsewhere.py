"""A device that is not the CPU, on machines without one: what is left behind does not go unnoticed.

Tensors on it say that they are on `ELSEWHERE` and hold one on the CPU, on which their arithmetic is
done. As on a GPU, tensors of two devices do not meet, but for scalars, copies and numbers of rows
to be looked up, and none is a NumPy array before it has come to the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import array_api_compat.torch
import pytest
import torch
from torch import Tensor
from torch.optim import optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

ELSEWHERE = torch.device("meta")  # of those that torch knows, the one it has no work of its own for
CPU = torch.device("cpu")
_aten = torch.ops.aten
_CROSSING = {_aten.copy_.default, _aten._to_copy.default}
_LOOKING_UP = {_aten.index.Tensor, _aten.index_put_.default, _aten.index_put.default}


class LeftBehindError(RuntimeError):
    """Tensors of two devices met."""


class Away(Tensor):
    """A tensor elsewhere, with the CPU's that it is computed by."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Away":
        made = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=ELSEWHERE,
        )
        made.held = held
        return made

    def __getitem__(self, where: Any) -> Tensor:
        return super().__getitem__(_with_tensors(where))

    def __setitem__(self, where: Any, value: Any) -> None:
        super().__setitem__(_with_tensors(where), value)

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"Away({self.held!r})"

    __torch_function__: ClassVar[Any] = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Factories(TorchDispatchMode):
    """So that what is made elsewhere from nothing is made there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class Draws(torch.Generator):
    """A generator on any device; its draws are the CPU's."""

    def __new__(cls, device: torch.device | str = "cpu") -> "Draws":
        return super().__new__(cls)

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._where = torch.device(device)

    @property
    def device(self) -> torch.device:
        return self._where


_made = torch.tensor


def _tensor(data: Any, *, device: torch.device | str | None = None, **kind: Any) -> Tensor:
    """As torch's own, which asks no dispatch mode where to make it."""
    return _made(data, **kind).to(CPU if device is None else device)


@contextmanager
def elsewhere(monkeypatch: pytest.MonkeyPatch, *modules: Any) -> Iterator[None]:
    """Let `torch_device` of these modules be elsewhere, and tensors be made there."""
    with monkeypatch.context() as patch, _Factories():
        patch.setattr(torch, "Generator", Draws)
        patch.setattr(torch, "tensor", _tensor)
        patch.setattr(array_api_compat.torch, "asarray", _tensor)
        for module in modules:
            patch.setattr(module, "torch_device", lambda name: ELSEWHERE)
        fused = ["cpu", ELSEWHERE.type]
        patch.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: fused)
        yield


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Tensor)]
    away = [x for x in given if isinstance(x, Away)]
    wanted = kwargs.get("device")
    if away and func not in _CROSSING:
        _require_one_place(func, given)
    if wanted is not None:
        kwargs = {**kwargs, "device": CPU}
    wrappers = {id(x.held): x for x in away}
    found = func(
        *tree_map(_held, args), **{name: tree_map(_held, value) for name, value in kwargs.items()}
    )
    if func is _aten.copy_.default:
        return args[0]
    is_away = bool(away) if wanted is None else torch.device(wanted) == ELSEWHERE
    if not is_away:
        return found

    def placed(x: object) -> object:
        if not isinstance(x, Tensor):
            return x
        return wrappers[id(x)] if id(x) in wrappers else Away(x)

    return tree_map(placed, found)


def _with_tensors(where: Any) -> Any:
    """Lists of numbers as tensors, which torch would make on a device without data."""
    parts = where if isinstance(where, tuple) else (where,)
    return tuple(_made(part) if isinstance(part, list) else part for part in parts)


def _held(x: object) -> object:
    return x.held if isinstance(x, Away) else x


def _require_one_place(func: Any, given: list[Tensor]) -> None:
    stays = [x for x in given if not isinstance(x, Away) and (x.dim() > 0 or x.is_meta)]
    if func in _LOOKING_UP and isinstance(given[0], Away):
        stays = [x for x in stays if x.dtype.is_floating_point or x.is_meta]
    if stays:
        raise LeftBehindError(
            f"{func} of tensors of two devices: {[(tuple(x.shape), str(x.device)) for x in given]}"
        )
