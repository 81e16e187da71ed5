"""What policy and critics see, when a column that stood still begins to move."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mbctl.algorithms.sac.standard_inputs import standardise_inputs, widen_inputs
from mbctl.critics.soft_value import SoftValue
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.policies.manifest import row_layout
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.registry import make_task

TASK = make_task("gym/InvertedPendulum-v5", "default")
LAYOUT = row_layout(TASK)


class Learner:
    """Policy, twin Q and V that have seen rows in which column 3 moves by `first`."""

    def __init__(self, first: float) -> None:
        generator = torch.Generator().manual_seed(0)
        self.policy = SquashedGaussianPolicy(4, 1, (16,), None, generator)
        self.critic = TwinQ(4, 1, (16,), False, generator)
        self.value = SoftValue(4, (16,), False, generator)
        self.replay = Replay(LAYOUT, None)
        parameters = [
            *self.policy.ordered,
            *self.critic.network.parameters(),
            *self.value.network.parameters(),
        ]
        self.optimizer = torch.optim.Adam(parameters)
        self.add(500, first)
        standardise_inputs(self.policy, [self.critic, self.value], self.replay)
        (self.of(self.seen()).square().sum()).backward()
        self.optimizer.step()

    def add(self, rows: int, size: float) -> None:
        rng, block = np.random.default_rng(rows), np.zeros((rows, LAYOUT.width), np.float32)
        state = rng.normal(size=(rows, 4)) * [1.0, 2.0, 0.5, size] + 0.7
        block[:, LAYOUT.observation] = state
        self.replay.append(block, np.arange(rows))

    def seen(self) -> Tensor:
        return torch.from_numpy(self.replay.rows[:, LAYOUT.observation].copy())

    def of(self, observation: Tensor) -> Tensor:
        action = torch.zeros(len(observation), 1)
        told = self.policy.distribution(observation)[0][:, 0], self.value.values(observation)
        slow = self.critic.target_values(observation, action)
        return torch.cat([torch.stack(told), slow, self.critic.values(observation, action)])

    def widen(self) -> None:
        widen_inputs(self.policy, [self.critic, self.value], self.replay, [self.optimizer])


@pytest.mark.parametrize("first", [0.0, 1e-4, 1e-2])
def test_a_column_that_begins_to_move_is_seen_at_unit_size(first):
    learner = Learner(first)
    before = learner.policy.input_scale.clone()
    learner.add(2000, 1.0)
    learner.widen()
    for network in (learner.policy, learner.critic, learner.value):
        inputs = (learner.seen() - network.input_shift) / network.input_scale
        assert float(inputs.square().mean(dim=0).sqrt().max()) < 1.5
        assert torch.equal(network.input_scale[:3], before[:3])
    assert float(learner.policy.input_scale[3]) == pytest.approx(0.9, abs=0.1)


def test_where_the_column_still_rests_nothing_has_changed():
    learner = Learner(0.0)
    resting = learner.seen()
    before = learner.of(resting).detach()
    learner.add(2000, 1.0)
    learner.widen()
    torch.testing.assert_close(learner.of(resting).detach(), before, rtol=1e-4, atol=1e-5)


def test_it_matters_no_more_than_other_columns():
    learner = Learner(1e-4)
    resting = learner.seen()[:1].expand(50, 4).clone()
    moving = resting.clone()
    moving[:, 3] += torch.linspace(-2.0, 2.0, 50)
    learner.add(2000, 1.0)
    assert float((learner.of(moving) - learner.of(resting)).detach().abs().max()) > 10
    learner.widen()
    assert float((learner.of(moving) - learner.of(resting)).detach().abs().max()) < 2


def test_its_moments_are_forgotten_and_no_others():
    learner = Learner(1e-4)
    learner.add(2000, 1.0)
    learner.widen()
    state = learner.optimizer.state
    of_policy = state[learner.policy.ordered[0]]["exp_avg_sq"]
    of_critic = state[learner.critic.network.weights[0]]["exp_avg_sq"]
    assert bool((of_policy[:, 3] == 0).all())
    assert bool((of_policy[:, :3] != 0).any())
    assert bool((of_critic[:, 3] == 0).all())
    assert bool((of_critic[:, :3] != 0).any())


def test_what_grows_a_little_keeps_its_unit():
    learner = Learner(0.5)
    scale, told = learner.policy.input_scale.clone(), learner.of(learner.seen()).detach()
    weights = learner.policy.ordered[0].detach().clone()
    learner.add(2000, 1.0)
    learner.widen()
    assert torch.equal(learner.policy.input_scale, scale)
    assert torch.equal(learner.policy.ordered[0].detach(), weights)
    assert torch.equal(learner.of(learner.seen()[:500]).detach(), told)
