"""Weights under units that change: what stays the same function, and what begins anew."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mbctl.nn.ensemble_mlp import EnsembleMLP
from mbctl.nn.units import (
    FAR,
    LIMIT,
    Renewal,
    UnitChange,
    follow_units,
    last_layer,
    scale_of,
    stands_still,
)

INPUTS, OUTPUTS, MEMBERS = 3, 2, 2
factors = st.floats(1e-4, 1e4)
moves = st.floats(-3.0, 3.0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> EnsembleMLP:
    return EnsembleMLP(MEMBERS, (INPUTS, 16, OUTPUTS), seeded()).double()


def told(net: EnsembleMLP, raw: Tensor, seen: UnitChange, out: UnitChange) -> Tensor:
    """Outputs in old units, of inputs in old units, by a network that is in the new ones."""
    inputs = (raw - seen.moved) / seen.growth
    return net(inputs.expand(MEMBERS, -1, -1)) * out.growth + out.moved


def changes(growth: list[float], moved: list[float]) -> UnitChange:
    return UnitChange(torch.tensor(growth).double(), torch.tensor(moved).double())


def adam_after_a_step(net: EnsembleMLP) -> torch.optim.Adam:
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(MEMBERS, 4, INPUTS, dtype=torch.float64)).square().sum().backward()
    optimizer.step()
    return optimizer


@settings(max_examples=30, deadline=None)
@given(
    st.lists(factors, min_size=INPUTS, max_size=INPUTS),
    st.lists(moves, min_size=INPUTS, max_size=INPUTS),
    st.lists(factors, min_size=OUTPUTS, max_size=OUTPUTS),
    st.lists(moves, min_size=OUTPUTS, max_size=OUTPUTS),
)
def test_without_renewal_the_function_stays(growth, moved, out_growth, out_moved):
    net, raw = network(), torch.randn(20, INPUTS, generator=seeded(1)).double()
    before = net(raw.expand(MEMBERS, -1, -1)).detach()
    seen, out = changes(growth, moved), changes(out_growth, out_moved)
    follow_units(net, seen, out, None)
    torch.testing.assert_close(told(net, raw, seen, out), before, rtol=1e-7, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(1e-4, LIMIT), min_size=INPUTS, max_size=INPUTS),
    st.lists(st.floats(-LIMIT, LIMIT), min_size=INPUTS, max_size=INPUTS),
    st.lists(st.floats(1 / LIMIT + 1e-6, 1e4), min_size=OUTPUTS, max_size=OUTPUTS),
    st.lists(st.floats(-FAR / LIMIT, FAR / LIMIT), min_size=OUTPUTS, max_size=OUTPUTS),
)
def test_within_the_limits_it_stays_with_renewal_too(growth, moved, out_growth, out_moved):
    net, raw = network(), torch.randn(20, INPUTS, generator=seeded(1)).double()
    before = net(raw.expand(MEMBERS, -1, -1)).detach()
    seen, out = changes(growth, moved), changes(out_growth, out_moved)
    follow_units(net, seen, out, Renewal(adam_after_a_step(network()), seeded()))
    torch.testing.assert_close(told(net, raw, seen, out), before, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("growth", [10.0, 1e4, 1e8])
@pytest.mark.parametrize("moved", [0.0, 1e6])
def test_an_input_that_grows_does_not_drown_the_others(growth, moved):
    net = network()
    weight = net.weights[0].detach().clone()
    bias = net.biases[0].detach().clone()
    seen = changes([1.0, growth, 1.0], [0.0, moved, 0.0])
    follow_units(
        net, seen, changes([1.0] * 2, [0.0] * 2), Renewal(adam_after_a_step(net), seeded())
    )
    now = net.weights[0].detach()
    assert bool((now[:, 1].abs() <= LIMIT * weight[:, 1].abs() + 0.01).all())
    assert float((now[:, [0, 2]] - weight[:, [0, 2]]).abs().max()) < 0.01  # Adam's one step
    assert bool(((net.biases[0] - bias).abs() <= LIMIT * weight[:, 1].abs()[:, None] + 0.01).all())


def test_an_output_that_shrinks_is_drawn_anew_and_others_stay():
    net = network()
    optimizer = adam_after_a_step(net)
    weight, bias = (part.detach().clone() for part in last_layer(net))
    same = changes([1.0] * INPUTS, [0.0] * INPUTS)
    follow_units(net, same, changes([1e-3, 1.0], [0.0, 0.0]), Renewal(optimizer, seeded(5)))
    new, shift = (part.detach() for part in last_layer(net))
    assert float(new[..., 0].abs().max()) <= 0.25  # one over the root of 16 hidden units
    assert not torch.allclose(new[..., 0], weight[..., 0])
    assert bool((shift[..., 0] == 0).all())
    assert torch.equal(new[..., 1], weight[..., 1])
    assert torch.equal(shift[..., 1], bias[..., 1])


def test_a_shift_that_moves_far_is_an_output_drawn_anew():
    out = changes([1.0, 1.0, 8.0], [1.1 * FAR, 0.9 * FAR, 1.1 * FAR])
    assert out.lost.tolist() == [True, False, False]


def test_moments_of_what_changed_much_are_forgotten_and_of_nothing_else():
    net = network()
    optimizer = adam_after_a_step(net)
    seen = changes([1.0, 10.0, 1.2], [0.0] * INPUTS)
    follow_units(net, seen, changes([10.0, 1.0], [0.0] * 2), Renewal(optimizer, seeded()))
    for name in ("exp_avg", "exp_avg_sq"):
        first = optimizer.state[net.weights[0]][name]
        assert bool((first[:, 1] == 0).all())
        assert bool((first[:, [0, 2]] != 0).any())
        for parameter in last_layer(net):
            moment = optimizer.state[parameter][name]
            assert bool((moment[..., 0] == 0).all())
            assert bool((moment[..., 1] != 0).any())


def test_renewal_before_the_first_step_is_no_error():
    net = network()
    optimizer = torch.optim.Adam(net.parameters())
    out = changes([1e-3, 1.0], [0.0] * 2)
    follow_units(net, changes([10.0] * 3, [0.0] * 3), out, Renewal(optimizer, seeded()))
    assert not optimizer.state
    assert all(bool(torch.isfinite(parameter).all()) for parameter in net.parameters())


@pytest.mark.parametrize("place", [0.0, 0.7, -300.0, 1e5])
def test_a_column_that_only_trembles_by_rounding_keeps_its_scale(place):
    values = torch.full((500, 1), place)
    nudged = torch.where(torch.arange(500)[:, None] % 2 == 0, values, values * (1 + 1.2e-7))
    for still in (values, nudged):
        assert bool(stands_still(still).all())
        assert scale_of(still, torch.tensor([0.3])).tolist() == pytest.approx([0.3])


@pytest.mark.parametrize("size", [1e-4, 1e-2, 1.0, 1e4])
def test_a_column_that_moves_has_the_scale_of_its_motion(size):
    values = size * torch.randn(2000, 1, generator=seeded())
    assert float(scale_of(values, torch.ones(1))) == pytest.approx(size, rel=0.05)
