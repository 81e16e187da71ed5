"""The namespace of an array, for both kinds that run the same lines."""

import numpy as np
import pytest
import torch

from hal.arrays import array_namespace


@pytest.mark.parametrize("array", [np.zeros(3), np.float64(1.0), torch.zeros(3)])
def test_the_namespace_keeps_the_kind(array):
    xp = array_namespace(array)
    assert type(xp.cos(array)) is type(array)
    assert float(xp.sum(xp.maximum(array, array))) == float(array.sum())


def test_what_is_no_array_is_refused():
    with pytest.raises(TypeError):
        array_namespace([1.0, 2.0])
