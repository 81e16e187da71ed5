"""The numeric half of a snapshot: named float32 arrays to safetensors bytes and back."""

import struct
from itertools import pairwise

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from mbctl.policies.manifest import PolicyArchitecture, SnapshotError

WEIGHTS_BYTES_MAX = 64 << 20
HEADER_BYTES_MAX = 1 << 20

Weights = dict[str, NDArray[np.float32]]


def expected_shapes(
    architecture: PolicyArchitecture, observation_dim: int, action_dim: int
) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array that the architecture needs.

    The network maps (x - input_shift) / input_scale through the layers; `layers.{i}.weight` is
    [out, in]. The last layer of a squashed Gaussian gives [mean | log deviation].
    """
    squashed = architecture.kind == "squashed_gaussian_mlp"
    widths = (observation_dim, *architecture.hidden, action_dim * (2 if squashed else 1))
    shapes: dict[str, tuple[int, ...]] = {
        "input_shift": (observation_dim,),
        "input_scale": (observation_dim,),
    }
    if not squashed:
        shapes["log_std"] = (action_dim,)
    for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
        shapes[f"layers.{i}.weight"] = (fan_out, fan_in)
        shapes[f"layers.{i}.bias"] = (fan_out,)
    return shapes


def encode_weights(weights: Weights) -> bytes:
    """The bytes of policy.safetensors; equal weights give equal bytes.

    Raises:
        SnapshotError: SHAPE_MISMATCH for an array that is not float32.
    """
    for name, array in weights.items():
        if array.dtype != np.float32:
            raise SnapshotError(
                f"'{name}' is {array.dtype}, must be float32", reason="SHAPE_MISMATCH"
            )
    # A fresh copy in C order each: safetensors would store the buffer of a view as it lies.
    return safetensors.numpy.save({n: np.array(weights[n], order="C") for n in sorted(weights)})


def decode_weights(data: bytes) -> Weights:
    """Read policy.safetensors.

    Raises:
        SnapshotError: WEIGHTS_INVALID when it is too large or no safetensors file, SHAPE_MISMATCH
            for an array that is not float32.
    """
    if not 8 <= len(data) <= WEIGHTS_BYTES_MAX:
        raise SnapshotError(
            f"{len(data)} bytes of weights, must be 8 to {WEIGHTS_BYTES_MAX}",
            reason="WEIGHTS_INVALID",
        )
    header_bytes = struct.unpack_from("<Q", data)[0]
    if header_bytes > HEADER_BYTES_MAX:
        raise SnapshotError(
            f"header of {header_bytes} bytes, at most {HEADER_BYTES_MAX}", reason="WEIGHTS_INVALID"
        )
    try:
        weights = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise SnapshotError(f"no safetensors content: {error}", reason="WEIGHTS_INVALID") from error
    for name, array in weights.items():
        if array.dtype != np.float32:
            raise SnapshotError(
                f"'{name}' is {array.dtype}, must be float32", reason="SHAPE_MISMATCH"
            )
    return weights
