"""Noise that is coloured over time: power falls with frequency f as f^-beta.

Pinneri et al. 2020 (iCEM), section 3.1: sequences of independent actions cancel one another, those
of strongly correlated ones explore. beta 0 is white noise, 1 pink, 2 red.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


class ColouredNoise:
    """Sequences of H steps with unit variance at each step.

    The discrete Fourier synthesis is linear, so it is one matrix, built once. The power of the
    constant component is that of the lowest frequency, 1 / H, as in the iCEM paper's code.

    Args:
        beta: the exponent.
        horizon: H.
        generator: source of the draws.
    """

    def __init__(self, beta: float, horizon: int, generator: torch.Generator) -> None:
        self.generator = generator
        self.synthesis = None if beta == 0 or horizon == 1 else _synthesis(beta, horizon)
        self.horizon = horizon

    def draw(self, count: int, width: int) -> Float[Tensor, "H N A"]:
        """`count` sequences of `width` independent columns."""
        rows = self.horizon if self.synthesis is None else self.synthesis.shape[1]
        white = torch.randn(rows, count * width, generator=self.generator)
        noise = white if self.synthesis is None else self.synthesis @ white
        return noise.reshape(self.horizon, count, width)


def _synthesis(beta: float, horizon: int) -> Tensor:
    """[H, K]: cosines and sines of each frequency, weighed by its amplitude."""
    time = torch.arange(horizon, dtype=torch.float64)
    columns = []
    for k in range(horizon // 2 + 1):
        amplitude = (max(k, 1) / horizon) ** (-beta / 2)
        phase = 2 * math.pi * k * time / horizon
        if k in (0, horizon / 2):  # one real component, which the spectrum counts once
            columns.append(amplitude * math.sqrt(0.5) * torch.cos(phase))
        else:
            columns += [amplitude * torch.cos(phase), amplitude * torch.sin(phase)]
    basis = torch.stack(columns, dim=1)
    return (basis / basis.square().sum(dim=1, keepdim=True).sqrt()).to(torch.float32)
