"""Imagined rollouts of a robot that falls: nothing counts after the fall."""

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.game.policy_update import discounted_returns
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.imagine import Rollouts, Starts, imagine
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.registry import make_task

MEMBERS, STARTS, STEPS = 2, 3, 6


class Toppling(DeterministicEnsemble):
    """Member 0 stands as it is; member 1 rolls over by 0.15 rad a step."""

    def predict(self, physical: Tensor, action: Tensor) -> Tensor:
        after = physical.clone()
        after[1, ..., 4] += 0.15
        return after


def rolled(name: str) -> Rollouts:
    task = make_task(name)
    generator = torch.Generator().manual_seed(0)
    model = Toppling(task, (8,), MEMBERS, False, generator)
    width = len(task.observation_names)
    policy = GaussianPolicy(width, 12, (8,), -1.0, -3.0, task.reflection, generator)
    goal = torch.zeros(STARTS, len(task.goal_names))
    goal[:, 1:] = 2.0
    still = torch.zeros(STARTS, 36)
    starts = Starts(still, torch.zeros(STARTS, 12), goal, torch.zeros(STARTS))
    return imagine(task, model, policy, starts, STEPS, task.reward, 0.0, generator)


@pytest.mark.parametrize("name", ["dkitty-orient-random", "dkitty-walk-random"])
def test_a_fall_ends_the_rollout_and_what_comes_after_does_not_count(name: str):
    found = rolled(name)
    stands, falls = found.alive[:, 0], found.alive[:, STARTS]
    assert stands.tolist() == [1.0] * STEPS
    # 0.45 rad is upright enough, with a cosine of 0.9004; 0.6 rad is not.
    assert falls.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    last = 3
    assert found.terminated[last, STARTS] == 1.0
    assert found.terminated[:, 0].sum() == 0.0
    assert found.reward[last, STARTS] < -400
    returns = discounted_returns(found.reward, found.alive, torch.zeros(MEMBERS * STARTS), 1.0)
    expected = found.reward[: last + 1, STARTS].sum()
    assert returns[0, STARTS] == pytest.approx(float(expected))
    assert found.success[STARTS] == 0.0


def test_standing_up_ends_only_when_it_lies_on_its_side():
    found = rolled("dkitty-stand-random")
    assert found.alive.min() == 1.0  # 0.9 rad is no fall here
