"""The yardstick beside every figure: a 512 x 512 x 512 float32 matrix product, one torch thread."""

from collections.abc import Callable

import torch

from mbctl.nn.torch_set_up import set_up_torch
from services.bench.timing import Timing, time_interleaved

SIZE = 512
PRODUCTS = 20  # in one measurement
FLOPS = 2 * SIZE**3 * PRODUCTS


def yardstick_work() -> Callable[[], None]:
    """PRODUCTS matrix products; to be timed in turn with the work that it is to measure."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn((SIZE, SIZE), generator=generator) for _ in range(2))
    out = torch.empty((SIZE, SIZE))

    def work() -> None:
        for _ in range(PRODUCTS):
            torch.mm(a, b, out=out)

    return work


def gflops_of(timing: Timing) -> float:
    """GFLOP per processor second of a timed `yardstick_work`."""
    return FLOPS / timing.cpu_s / 1e9


def measure_yardstick(rounds: int = 5) -> float:
    """GFLOP/s now."""
    set_up_torch()
    return gflops_of(time_interleaved({"yardstick": yardstick_work()}, rounds)["yardstick"])
