"""Imagined rollouts with a model that is known exactly."""

import dataclasses

import torch
from torch import Tensor

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.imagine import Rollouts, Starts, imagine
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.dclaw_turn import DClawTurn
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task

TASK = make_task("dclaw-turn-random")
MEMBERS, STARTS = 2, 3


class Turner(DeterministicEnsemble):
    """Member e turns the valve by 0.1 (e + 1) rad a step, whatever the action."""

    def predict(self, physical: Tensor, action: Tensor) -> Tensor:
        after = physical.clone()
        after[..., 18] += 0.1 * torch.arange(1.0, MEMBERS + 1)[:, None]
        return after


def parts(generator: torch.Generator) -> tuple[Turner, GaussianPolicy]:
    model = Turner(TASK, (8,), MEMBERS, False, generator)
    width = len(TASK.observation_names)
    return model, GaussianPolicy(width, 9, (8,), -1.0, -3.0, None, generator)


def starts(step: float = 0.0) -> Starts:
    physical = torch.zeros(STARTS, 20)
    goal = torch.full((STARTS, 1), 1.0)
    return Starts(physical, torch.zeros(STARTS, 9), goal, torch.full((STARTS,), step))


def test_each_start_is_rolled_in_each_member():
    generator = torch.Generator().manual_seed(0)
    model, policy = parts(generator)
    rolled = imagine(TASK, model, policy, starts(), 5, TASK.objective, 0.0, generator)
    assert rolled.observation.shape == (6, MEMBERS * STARTS, len(TASK.observation_names))
    valve = TASK.physical(rolled.observation)[..., 18]
    for member in range(MEMBERS):
        expected = 0.1 * (member + 1) * torch.arange(6.0)
        for row in range(member * STARTS, (member + 1) * STARTS):
            assert torch.allclose(valve[:, row], expected, atol=1e-5)
    distance = 1.0 - 0.1 * torch.arange(1.0, 6.0)
    assert torch.allclose(rolled.reward[:, 0], -5 * distance, atol=1e-4)
    assert rolled.alive.min() == 1


def test_what_an_action_costs_is_taken_off():
    class Costly(DClawTurn):
        def action_cost(self, applied_action: Tensor) -> Tensor:
            return 2.0 + applied_action[..., 0] ** 2

    def rolled(task: Task) -> Rollouts:
        generator = torch.Generator().manual_seed(2)
        model, policy = parts(generator)
        return imagine(task, model, policy, starts(), 1, TASK.reward, 0.0, generator)

    free, costly = rolled(TASK), rolled(Costly(TASK.name, "random"))
    applied = TASK.applied_action(TASK.physical(free.observation[0]), free.action[0])
    assert torch.allclose(free.reward - costly.reward, 2.0 + applied[:, 0] ** 2, atol=1e-4)


def test_the_last_action_is_what_was_asked_for_clipped():
    generator = torch.Generator().manual_seed(1)
    model, policy = parts(generator)
    rolled = imagine(TASK, model, policy, starts(), 4, TASK.reward, 0.0, generator)
    asked = rolled.action[:-1].clamp(-1, 1)
    assert torch.allclose(TASK.last_action(rolled.observation[1:-1]), asked)
    assert TASK.last_action(rolled.observation[0]).abs().max() == 0


def test_a_rollout_ends_with_its_episode():
    generator = torch.Generator().manual_seed(2)
    model, policy = parts(generator)
    late = starts(step=TASK.episode_steps - 2.0)
    rolled = imagine(TASK, model, policy, late, 5, TASK.objective, 0.0, generator)
    assert rolled.alive[:, 0].tolist() == [1, 1, 0, 0, 0]
    assert rolled.step[-1, 0] == TASK.episode_steps
    goal_now = dataclasses.replace(late, goal=torch.full((STARTS, 1), 0.2))
    rolled = imagine(TASK, model, policy, goal_now, 5, TASK.objective, 0.0, generator)
    assert rolled.success.tolist() == [1.0] * STARTS + [0.0] * STARTS


def test_noise_follows_the_error_on_unseen_rows():
    generator = torch.Generator().manual_seed(3)
    model, policy = parts(generator)
    model.note_residual(torch.full((10, 20), 0.02))
    many = Starts(torch.zeros(400, 20), torch.zeros(400, 9), torch.ones(400, 1), torch.zeros(400))
    quiet = imagine(TASK, model, policy, many, 1, TASK.reward, 0.0, generator)
    noisy = imagine(TASK, model, policy, many, 1, TASK.reward, 2.0, generator)
    spread = TASK.physical(noisy.observation[1])[:400, 18].std()
    assert TASK.physical(quiet.observation[1])[:400, 18].std() < 1e-5
    assert 0.035 < float(spread) < 0.045
