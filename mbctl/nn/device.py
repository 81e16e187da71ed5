"""On which device a learner or planner computes, and draws on it.

A generator has its device, and whatever is made from its draws is made there. Other tensors are
made where those are that they meet.
"""

import sys

import torch
from torch import Tensor

from hal.errors import ReasonedError

CPU = torch.device("cpu")


class DeviceError(ReasonedError, ValueError):
    """There is no such device; the message says what was asked for and what torch sees."""

    reason = "DEVICE_MISSING"


def torch_device(name: str) -> torch.device:
    """The device that a setting names: "cpu", "cuda", "cuda:1" or "auto", a GPU if there is one.

    Raises:
        DeviceError: it is none of these, or torch does not see it.
    """
    if name == "cpu":
        return CPU
    kind, _, number = name.partition(":")
    if name not in ("auto", "cuda") and not (kind == "cuda" and number.isdecimal()):
        raise DeviceError(f"device = {name!r}: must be 'cpu', 'cuda', 'cuda:N' or 'auto'")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto" and count == 0:
        return CPU
    if int(number or 0) >= count:
        raise DeviceError(f"device = {name!r}: {_seen(count)}")
    return torch.device("cuda", int(number or 0))


def randn_like(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal draws of the shape, kind and device of `like`, in the order of its entries.

    (torch.randn_like draws in the order of its memory.)
    """
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)


def _seen(count: int) -> str:
    """What torch sees, and which settings would be right."""
    if count:
        names = ", ".join(f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(count))
        return f"torch sees {names}; set one of these, 'cpu' or 'auto'"
    built = torch.version.cuda
    why = f"no GPU (it is built for CUDA {built})" if built else "no GPU: it is built without CUDA"
    return (
        f"torch {torch.__version__} sees {why}; set 'cpu', or 'auto' for a GPU where there is one"
    )


def main(name: str) -> int:
    """`python -m mbctl.nn.device NAME`: for processes without torch; says on stderr why not."""
    try:
        torch_device(name)
    except DeviceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
