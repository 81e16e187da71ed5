"""The length of vectors, for NumPy arrays and torch tensors alike."""

from typing import Any

from hal.arrays import array_namespace

Array = Any


def length(vectors: Array) -> Array:
    """Euclidean length [...] of vectors [..., N].

    Its derivative at zero is zero: policies are improved through rewards, and a robot that stands
    where it began is at the zero of its distance, where a plain root's derivative is no number.
    """
    xp = array_namespace(vectors)
    square = xp.sum(vectors**2, axis=-1)
    nowhere = square == 0
    root = xp.sqrt(xp.where(nowhere, xp.ones_like(square), square))
    return xp.where(nowhere, xp.zeros_like(square), root)
