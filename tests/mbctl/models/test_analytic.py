"""A task's own dynamics stand in for a learned model."""

import torch

from mbctl.models.analytic import AnalyticDynamics, AnalyticModel
from mbctl.tasks.registry import make_task
from tests.conformance.point_mass import PointMass

TASK = PointMass()


def test_a_task_with_a_step_offers_them_and_a_robots_does_not():
    assert isinstance(TASK, AnalyticDynamics)
    assert not isinstance(make_task("dclaw-turn-random"), AnalyticDynamics)


def test_it_is_the_task_and_draws_nothing():
    model, generator = AnalyticModel(TASK), torch.Generator().manual_seed(0)
    physical, action = torch.randn(5, 4), torch.rand(5, 2)
    before = generator.get_state()
    assert torch.equal(model.sample(physical, action, generator), TASK.step(physical, action))
    assert torch.equal(generator.get_state(), before)
    predicted = model.predict(physical[None], action[None])
    assert torch.equal(predicted[0], TASK.step(physical, action))


def test_its_gradient_agrees_with_finite_differences():
    model, generator = AnalyticModel(TASK), torch.Generator()
    physical = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    action = (torch.rand(3, 2, dtype=torch.float64) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda s, a: model.sample(s, a, generator), (physical, action))
