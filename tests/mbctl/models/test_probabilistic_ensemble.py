"""A probabilistic ensemble: its units, who draws steps, and what it is differentiable by."""

import pytest
import torch
from torch import Tensor

from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble, soft_clamp
from mbctl.tasks.registry import make_task
from tests.conformance.point_mass import PointMass

TASK = PointMass()
NOWHERE_TO_GO = PointMass(goal_names=())  # so that a model may learn its reward
MEMBERS = 3


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(learned_reward: bool = False, elites: int = 2, trainable: bool = True):
    task = NOWHERE_TO_GO if learned_reward else TASK
    return ProbabilisticEnsemble(
        task, (16, 16), MEMBERS, elites, False, learned_reward, "silu", seeded(), trainable
    )


def rows(count: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = seeded(seed)
    physical = 2.0 * torch.randn(count, 4, generator=generator) + 1.0
    return physical, 2.0 * torch.rand(count, 2, generator=generator) - 1.0


def in_all(values: Tensor) -> Tensor:
    return values.expand(MEMBERS, *values.shape)


def with_units(model: ProbabilisticEnsemble) -> ProbabilisticEnsemble:
    """Shift and scale of their own for every column."""
    physical, action = rows(200, 5)
    difference = physical * torch.tensor([0.1, 3.0, 20.0, 0.5]) + 0.3
    reward = 50.0 * physical[:, 0] if model.learned_reward else None
    model.fit_statistics(physical, action, difference, reward)
    return model


@pytest.mark.parametrize("learned_reward", [False, True])
def test_new_units_do_not_change_the_function(learned_reward):
    model = with_units(make(learned_reward))
    physical, action = rows(50)
    before = model.forward(in_all(physical), in_all(action))
    reward = -3.0 * physical[:, 1] + 7.0 if learned_reward else None
    model.fit_statistics(physical, action, 0.2 * physical - 1.0, reward)
    after = model.forward(in_all(physical), in_all(action))
    torch.testing.assert_close(before.mean_next, after.mean_next, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(before.std, after.std, rtol=1e-4, atol=1e-4)
    if learned_reward:
        torch.testing.assert_close(before.reward, after.reward, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(before.reward_std, after.reward_std, rtol=1e-4, atol=1e-3)


def test_targets_are_standardised():
    model = with_units(make(learned_reward=True))
    physical = rows(200, 5)[0]
    difference = physical * torch.tensor([0.1, 3.0, 20.0, 0.5]) + 0.3
    targets = model.standard_targets(difference, 50.0 * physical[:, 0])
    assert targets.shape == (200, 5)
    torch.testing.assert_close(targets.mean(dim=0), torch.zeros(5), rtol=0, atol=1e-4)
    torch.testing.assert_close(targets.std(dim=0, correction=0), torch.ones(5))


def test_a_column_that_never_changes_keeps_its_unit():
    model = make()
    physical, action = rows(20)
    still = torch.zeros(20, 4)
    model.fit_statistics(physical, action, still, None)
    assert model.target_scale.tolist() == [1.0] * 4
    assert bool(torch.isfinite(model.predict(in_all(physical), in_all(action))).all())


def test_each_row_gets_the_step_of_one_elite():
    model = with_units(make())
    model.elites = (0, 2)
    physical, action = rows(101)
    drawn = model.sample(physical, action, seeded(), noise=False).next_physical
    means = model.predict(in_all(physical), in_all(action))
    from_whom = (means - drawn).abs().amax(dim=-1) < 1e-4
    assert from_whom[0].sum() + from_whom[2].sum() == 101
    assert from_whom[1].sum() == 0


def test_every_elite_is_as_likely_as_another_even_for_one_row():
    model = with_units(make(elites=3))
    physical, action = rows(1)
    means = model.predict(in_all(physical), in_all(action))[:, 0]
    generator, counts = seeded(3), torch.zeros(MEMBERS)
    for _ in range(300):
        drawn = model.sample(physical, action, generator, noise=False).next_physical[0]
        counts[(means - drawn).abs().amax(dim=-1).argmin()] += 1
    assert counts.min() > 70
    assert counts.max() < 130


def test_noise_is_of_the_predicted_deviation():
    model = with_units(make(elites=1))
    physical, action = rows(1)
    many = physical.expand(20_000, 4), action.expand(20_000, 2)
    drawn = model.sample(*many, seeded(4)).next_physical
    told = model.forward(in_all(physical), in_all(action))
    torch.testing.assert_close(drawn.std(dim=0), told.std[0, 0], rtol=0.03, atol=0.0)
    error = (drawn.mean(dim=0) - told.mean_next[0, 0]) / told.std[0, 0]
    assert float(error.detach().abs().max()) < 0.05


def test_a_drawn_reward_is_the_one_that_is_predicted():
    model = with_units(make(learned_reward=True, elites=1))
    physical, action = rows(9)
    told = model.forward(in_all(physical), in_all(action)).reward
    assert told is not None
    drawn = model.sample(physical, action, seeded(), noise=False).reward
    torch.testing.assert_close(drawn, told[0].detach())
    assert make().sample(physical, action, seeded()).reward is None


def test_its_gradient_by_state_and_action_is_that_of_finite_differences():
    model = with_units(make())
    model.double()
    physical, action = (part.double().requires_grad_() for part in rows(5))

    def step(physical: Tensor, action: Tensor) -> Tensor:
        return model.sample_differentiable(physical, action, seeded(6)).next_physical

    assert torch.autograd.gradcheck(step, (physical, action))
    step(physical, action).sum().backward()
    assert all(parameter.grad is None for parameter in model.network.parameters())


def test_training_reaches_weights_and_learned_bounds():
    model = with_units(make())
    physical, action = rows(6)
    told = model.forward(in_all(physical), in_all(action))
    (told.mean_next.sum() + told.std.sum()).backward()
    assert all(parameter.grad is not None for parameter in model.network.parameters())
    assert all(bound.grad is not None for bound in model.bounds)
    assert make(trainable=False).bounds == []


def test_log_variances_stay_within_their_bounds():
    low, high = torch.tensor([-10.0]), torch.tensor([0.5])
    far = torch.tensor([-1000.0, -10.0, -5.0, 0.5, 1000.0])
    held = soft_clamp(far, low, high)
    assert float(held.min()) >= -10.0
    assert float(held.max()) <= 0.5 + 1e-4  # softplus(10.5) past its own lower end
    assert float(held[2]) == pytest.approx(-5.0, abs=0.02)
    assert bool((held[1:] > held[:-1]).all())


def test_a_whole_turn_of_the_valve_is_no_change():
    task = make_task("dclaw-turn-random")
    model = ProbabilisticEnsemble(task, (8,), 2, 1, False, False, "silu", seeded())
    physical, action = torch.zeros(2, 3, 20), torch.zeros(2, 3, 9)
    turned = physical.clone()
    turned[..., 18] += 2.0 * torch.pi
    first, second = model.predict(physical, action), model.predict(turned, action)
    torch.testing.assert_close(second - turned, first - physical, rtol=0, atol=1e-5)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="4 elites of 3 members"):
        make(elites=4)
    with pytest.raises(ValueError, match=r"'point-mass' depends on its goal \(goal_x, goal_y\)"):
        ProbabilisticEnsemble(TASK, (8,), 2, 1, False, True, "silu", seeded())
    physical, action = rows(5)
    with pytest.raises(ValueError, match="must hold rewards"):
        make(learned_reward=True).fit_statistics(physical, action, physical, None)
