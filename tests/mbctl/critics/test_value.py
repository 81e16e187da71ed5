"""The value function learns what its targets say, in any unit."""

import pytest
import torch

from mbctl.critics.value import ValueFunction


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_fits_a_linear_value(unit):
    generator = torch.Generator().manual_seed(0)
    value = ValueFunction(3, (32,), 1e-2, 0.0, generator)
    inputs = torch.randn(2000, 4, generator=generator)
    returns = unit * (inputs @ torch.tensor([1.0, -2.0, 0.5, 3.0]) + 1.0)
    first = value.fit(inputs, returns, epochs=40, batch=200)
    left = value.fit(inputs, returns, epochs=1, batch=200)
    assert first > 0.5
    assert left < 0.01
    assert value.predict(inputs).shape == (2000,)


@pytest.mark.parametrize("rows", [1, 500])
def test_learns_a_return_that_is_always_the_same(rows):
    """As of an episode that always goes well, or of one row."""
    generator = torch.Generator().manual_seed(0)
    value = ValueFunction(3, (32,), 1e-2, 0.0, generator)
    inputs = torch.randn(rows, 4, generator=generator)
    for _ in range(100):
        value.fit(inputs, torch.full((rows,), 7.0), epochs=5, batch=200)
    assert torch.allclose(value.predict(inputs), torch.full((rows,), 7.0), atol=0.2)
