"""Paths whose values are one model's and whose gradients are another's."""

import copy

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.branched.ddppo import TwoModelActorCritic, TwoModels, value_and_slope
from mbctl.algorithms.branched.settings import DdppoSettings
from mbctl.critics.twin_q import TwinQ
from mbctl.models.imagine import STATE_LIMIT
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from tests.conformance.point_mass import PointMass

TASK = PointMass()
B, H, GAMMA, ALPHA = 5, 3, 0.9, 0.2


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ensemble(seed: int) -> ProbabilisticEnsemble:
    """One member, in float64, whose steps are of some size."""
    model = ProbabilisticEnsemble(TASK, (16, 16), 1, 1, False, False, "silu", seeded(seed))
    return model.double()


def policy_and_critic() -> tuple[SquashedGaussianPolicy, TwinQ]:
    policy = SquashedGaussianPolicy(6, 2, (8,), None, seeded(3))
    for parameter in policy.ordered[-2:]:
        parameter.detach().mul_(30)
    return policy.double(), TwinQ(6, 2, (8,), False, seeded(4)).double()


def learner_of(
    predictor: ProbabilisticEnsemble, gradient: ProbabilisticEnsemble, **changes: object
):
    settings = DdppoSettings.model_validate({"horizon": H, "gamma": GAMMA, **changes})
    policy, critic = policy_and_critic()
    models = TwoModels(predictor, gradient, seeded(0))
    return TwoModelActorCritic(TASK, policy, critic, models, settings)


def observations() -> Tensor:
    physical = torch.randn(B, 4, generator=seeded(1), dtype=torch.float64)
    goal = torch.randn(B, 2, generator=seeded(2), dtype=torch.float64)
    return TASK.observation(physical, torch.zeros(B, 2), goal)


def objective(learner: TwoModelActorCritic) -> Tensor:
    return learner.returned(observations(), torch.tensor(ALPHA), seeded(9)).value.sum()


def gradient_of(learner: TwoModelActorCritic) -> list[Tensor]:
    return list(torch.autograd.grad(objective(learner), learner.policy.ordered))


def mean_step(model: ProbabilisticEnsemble, physical: Tensor, action: Tensor) -> Tensor:
    return model.forward(physical[None], action[None]).mean_next[0]


def test_value_and_slope():
    x = torch.tensor([0.5, 2.0], requires_grad=True)
    mixed = value_and_slope(torch.tensor([7.0, 8.0]), x.square())
    assert mixed.tolist() == [7.0, 8.0]
    assert torch.autograd.grad(mixed.sum(), x)[0].tolist() == [1.0, 4.0]


def test_a_step_has_one_models_value_and_the_others_gradient():
    predictor, gradient = ensemble(1), ensemble(2)
    models = TwoModels(predictor, gradient, seeded(0))
    physical = torch.randn(B, 4, generator=seeded(1), dtype=torch.float64).requires_grad_()
    action = torch.zeros(B, 2, dtype=torch.float64).requires_grad_()
    after = models.step(physical, action)
    assert torch.allclose(after, mean_step(predictor, physical, action))
    probe = torch.randn(B, 4, generator=seeded(5), dtype=torch.float64)
    ours = torch.autograd.grad((after * probe).sum(), (physical, action))
    theirs = mean_step(gradient, physical, action)
    for mine, expected in zip(
        ours, torch.autograd.grad((theirs * probe).sum(), (physical, action)), strict=True
    ):
        assert torch.allclose(mine, expected)


def test_states_are_held_within_the_limit():
    models = TwoModels(ensemble(1), ensemble(2), seeded(0))
    far = torch.full((B, 4), 2 * STATE_LIMIT, dtype=torch.float64)
    after = models.step(far, torch.zeros(B, 2, dtype=torch.float64))
    assert after.abs().max() == STATE_LIMIT


def test_values_along_a_path_are_the_prediction_models():
    predictor = ensemble(1)
    alone = objective(learner_of(predictor, predictor))
    beside = objective(learner_of(predictor, ensemble(2)))
    assert torch.allclose(alone, beside)
    assert not torch.allclose(alone, objective(learner_of(ensemble(2), predictor)))


def test_with_one_model_the_gradient_is_that_of_its_path():
    """By finite differences of the objective by each parameter, along a random direction."""
    model = ensemble(1)
    learner = learner_of(model, copy.deepcopy(model))
    gradient = gradient_of(learner)
    step = 1e-6
    for i, parameter in enumerate(learner.policy.ordered):
        towards = torch.randn(parameter.shape, generator=seeded(i), dtype=torch.float64)
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter += sign * step * towards
                values.append(objective(learner).item())
                parameter -= sign * step * towards
        numeric = (values[0] - values[1]) / (2 * step)
        assert (gradient[i] * towards).sum().item() == pytest.approx(numeric, rel=1e-4, abs=1e-7)


def test_with_two_models_the_gradient_is_the_backward_recursion():
    """Appendix B.1.2: states of M^p; going back, each co-state passes M^g's Jacobian there."""
    predictor, gradient = ensemble(1), ensemble(2)
    learner = learner_of(predictor, gradient)
    ours = gradient_of(learner)
    goal = TASK.goal(observations())
    rng = seeded(9)
    policy, critic = learner.policy, learner.critic
    # Forward: the prediction model's states, and the noise of each action.
    state = TASK.physical(observations())
    states, noises = [], []
    with torch.no_grad():
        for t in range(H + 1):
            before = rng.get_state()
            action, _ = policy.sample(TASK.observation(state, action_zero(state), goal), rng)
            states.append(state)
            noises.append(before)
            if t < H:
                state = mean_step(predictor, state, action)
    # Backward: lambda_H, then lambda_t = d/ds_t [r + lambda_{t+1} . g(s_t, a_t)].
    total = [torch.zeros_like(p) for p in policy.ordered]
    costate = torch.zeros(B, 4, dtype=torch.float64)
    for t in range(H, -1, -1):
        at = states[t].clone().requires_grad_()
        rng.set_state(noises[t])
        seen = TASK.observation(at, action_zero(at), goal)
        action, log_prob = policy.sample(seen, rng)
        gained = -ALPHA * log_prob
        if t == H:
            gained = gained + critic.minimum_for_actor(seen, action)
            after = torch.zeros_like(at)
        else:
            after = mean_step(gradient, at, action)
            arrived = states[t + 1].clone().requires_grad_()
            slope = torch.autograd.grad(TASK.reward(arrived, goal).sum(), arrived)[0]
            costate = costate + GAMMA**t * slope
        local = (GAMMA**t * gained).sum() + (costate * after).sum()
        found = torch.autograd.grad(local, [at, *policy.ordered])
        costate = found[0]
        total = [sum_ + one for sum_, one in zip(total, found[1:], strict=True)]
    for mine, expected in zip(ours, total, strict=True):
        assert torch.allclose(mine, expected, rtol=1e-6, atol=1e-9)
    assert ours[0].abs().max() > 1e-3


def action_zero(physical: Tensor) -> Tensor:
    return torch.zeros(len(physical), 2, dtype=physical.dtype)


def test_models_and_critics_get_no_gradient():
    predictor, gradient = ensemble(1), ensemble(2)
    learner = learner_of(predictor, gradient)
    objective(learner).backward()
    for network in (predictor.network, gradient.network, learner.critic.network):
        assert all(p.grad is None for p in network.parameters())
    assert all(p.grad is not None for p in learner.policy.ordered)


def test_a_learned_reward_is_asked_for_only_where_there_is_one():
    models = TwoModels(ensemble(1), ensemble(2), seeded(0))
    zeros = torch.zeros(B, 4), torch.zeros(B, 2), torch.zeros(B, 4), torch.zeros(B, 2)
    with pytest.raises(ValueError, match="no learned reward"):
        models.learned_reward(*zeros)
