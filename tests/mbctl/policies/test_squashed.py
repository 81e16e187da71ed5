"""The squashed Gaussian is a density, its gradients are right, and the robot runs the same one."""

import math

import numpy as np
import pytest
import torch

from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import Snapshot, build_snapshot
from mbctl.policies.squashed import SquashedGaussianPolicy, squashed_log_prob
from mbctl.tasks.task import Task


def make(task: Task, spread: float = 0.0) -> SquashedGaussianPolicy:
    """A small policy for `task`; `spread` makes its last layer's weights that large."""
    generator = torch.Generator().manual_seed(3)
    actions = len(task.robot.joints)
    policy = SquashedGaussianPolicy(len(task.observation_names), actions, (16, 8), None, generator)
    with torch.no_grad():
        last = policy.ordered[-2]
        last.add_(spread * torch.randn(last.shape, generator=generator))
    return policy


def snapshot_of(policy: SquashedGaussianPolicy, task: Task) -> Snapshot:
    described, weights = policy.snapshot()
    architecture = PolicyArchitecture.model_validate(described)
    return build_snapshot(task, weights, version=1, algorithm="sac", architecture=architecture)


def observations(task: Task, count: int) -> np.ndarray:
    width = len(task.observation_names)
    return np.random.default_rng(1).normal(size=(count, width)).astype(np.float32)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.4, 0.3), (-1.5, 0.7)])
def test_the_density_integrates_to_one(mean, std):
    edge = 1.0 - 1e-12
    action = torch.tanh(torch.linspace(-math.atanh(edge), math.atanh(edge), 40_001).double())
    pre_squash = torch.atanh(action)[:, None]
    noise = (pre_squash - mean) / std
    log_std = torch.full_like(noise, math.log(std))
    density = squashed_log_prob(pre_squash, noise, log_std).exp()
    assert torch.trapezoid(density, action).item() == pytest.approx(1.0, abs=1e-5)


def test_the_correction_is_exact_far_out_in_single_precision():
    pre_squash = torch.tensor([[-60.0], [-9.0], [-0.3], [0.0], [2.0], [9.0], [60.0]])
    zero = torch.zeros_like(pre_squash)
    found = -squashed_log_prob(pre_squash, zero, zero) - 0.5 * math.log(2 * math.pi)
    exact = [math.log(4.0) - 2 * abs(u) - 2 * math.log1p(math.exp(-2 * abs(u)))
             for u in pre_squash[:, 0].tolist()]  # fmt: skip
    assert found.tolist() == pytest.approx(exact, abs=2e-5)


def test_gradients_agree_with_finite_differences(task):
    policy = make(task, 0.5).double()
    observation = torch.from_numpy(observations(task, 3)).double()
    tensors = [p.detach().clone().requires_grad_() for p in policy.ordered]

    def sample(*parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        policy.ordered = parameters
        return policy.sample(observation, torch.Generator().manual_seed(0))

    assert torch.autograd.gradcheck(sample, tensors, fast_mode=True)


def test_samples_repeat_with_their_generator_and_their_density_is_told(task):
    policy = make(task, 0.5)
    observation = torch.from_numpy(observations(task, 5))
    first = policy.sample(observation, torch.Generator().manual_seed(4))
    again = policy.sample(observation, torch.Generator().manual_seed(4))
    assert torch.equal(first[0], again[0])
    mean, log_std = policy.distribution(observation)
    pre_squash = torch.atanh(first[0])
    told = squashed_log_prob(pre_squash, (pre_squash - mean) / log_std.exp(), log_std)
    assert torch.allclose(told, first[1], atol=1e-3)


def test_the_first_policy_is_wide_and_even(task):
    observation = torch.from_numpy(observations(task, 2000))
    action = make(task).sample(observation, torch.Generator().manual_seed(5))[0].detach()
    assert action.mean().abs() < 0.02
    assert 0.5 < action.std() < 0.7  # uniform: 0.577
    assert (action.abs() > 0.5).float().mean() == pytest.approx(0.5, abs=0.1)


def test_the_deviation_is_cut_to_its_range(task):
    policy = make(task)
    with torch.no_grad():
        policy.ordered[-1][9:] = 50.0
    observation = torch.from_numpy(observations(task, 4))
    assert torch.equal(policy.distribution(observation)[1], torch.full((4, 9), 2.0))


def test_the_robot_runs_the_same_policy(task):
    policy = make(task, 0.5)
    snapshot = snapshot_of(policy, task)
    check_snapshot(snapshot, task)
    robot = NumpyPolicy(snapshot)
    seen = observations(task, 40)
    wanted = policy.mean(torch.from_numpy(seen)).detach().numpy()
    for observation, action in zip(seen, wanted, strict=True):
        np.testing.assert_allclose(robot.act(observation), action, rtol=0, atol=2e-6)
    mean, log_std = (x.detach().numpy()[0] for x in policy.distribution(torch.from_numpy(seen[:1])))
    rng = np.random.default_rng(0)
    drawn = np.arctanh(np.stack([robot.act(seen[0], rng) for _ in range(3000)]).astype(np.float64))
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5 * np.exp(log_std).max() / 54)
    np.testing.assert_allclose(drawn.std(axis=0), np.exp(log_std), rtol=0.1)


def test_tanh_hides_no_overflow_from_the_robot(task):
    policy = make(task)
    with torch.no_grad():
        policy.ordered[-1][0] = math.inf  # a mean
        policy.ordered[-1][9 + 4] = math.inf  # a deviation
    robot = NumpyPolicy(snapshot_of(policy, task))
    for rng in (None, np.random.default_rng(0)):
        action = robot.act(observations(task, 1)[0], rng)
        assert np.isnan(action[[0, 4]]).all()
        assert np.isfinite(action[[1, 2, 3, 5, 6, 7, 8]]).all()
