"""Planners for a real task and its ensemble, from settings."""

from typing import Any

import numpy as np
import pytest
import torch

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.planners.proposal import GaussianPrior
from mbctl.planners.search import build_planner
from mbctl.planners.settings import PLANNERS, IcemSettings, SearchSettings, search_settings
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks import dclaw
from mbctl.tasks import task as tasks
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from tests.mbctl.planners.point_mass import PointMasses

SMALL: dict[str, Any] = {"horizon": 3, "population": 16, "proposals": 4}
KINDS = [search_settings(SMALL | {"method": method}) for method in PLANNERS.names()]


def parts(task: Task) -> tuple[DeterministicEnsemble, GaussianPolicy]:
    generator = torch.Generator().manual_seed(0)
    model = DeterministicEnsemble(task, (16,), 2, True, generator)
    sizes = len(task.observation_names), len(task.robot.joints)
    return model, GaussianPolicy(*sizes, (8,), -1.0, -3.0, task.reflection, generator)


def arguments(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    physical = np.zeros(len(task.physical_names))
    goal = task.sample_goal(np.random.default_rng(0))
    return physical, np.zeros(len(task.robot.joints)), goal


@pytest.mark.parametrize("settings", KINDS, ids=PLANNERS.names())
@pytest.mark.parametrize("name", ["dclaw-turn-random", "dkitty-orient-random"])
def test_it_plans_for_the_robots(name: str, settings: SearchSettings):
    task = make_task(name)
    model, policy = parts(task)
    planner = build_planner(task, model, settings, 0, GaussianPrior(policy))
    for _ in range(2):
        plan = planner.plan(*arguments(task))
        assert plan.actions.shape == (3, len(task.robot.joints))
        assert np.isfinite(plan.value)
        assert plan.prior_value is not None
        assert plan.value >= plan.prior_value
        assert plan.disagreement >= 0
        assert plan.iterations == settings.iterations


@pytest.mark.parametrize("dealt", [0, 1])
def test_a_plan_is_the_same_with_any_number_of_threads(dealt: int):
    task = make_task("dclaw-turn-random")
    model, policy = parts(task)
    settings = IcemSettings.model_validate(SMALL | {"members_per_sequence": dealt})
    plans = [
        build_planner(task, model, settings, 3, GaussianPrior(policy), threads=threads).plan(
            *arguments(task)
        )
        for threads in (1, 2, 3)
    ]
    for plan in plans[1:]:
        np.testing.assert_allclose(plans[0].actions, plan.actions, atol=1e-6)


def test_the_reward_may_be_the_tasks_own():
    task = make_task("dclaw-turn-random")
    model, _ = parts(task)
    values = {}
    for reward in ("task", "objective"):
        settings = IcemSettings.model_validate(SMALL | {"reward": reward})
        plan = build_planner(task, model, settings, 0).plan(*arguments(task), deadline_ns=0)
        values[reward] = plan.value
    assert values["task"] < values["objective"]  # the pose's cost


def test_states_are_compared_in_the_models_units_of_the_day():
    task = make_task("dclaw-turn-random")
    model, _ = parts(task)
    settings = IcemSettings.model_validate(SMALL | {"disagreement": "state"})
    planner = build_planner(task, model, settings, 0)
    before = planner.plan(*arguments(task), deadline_ns=0).disagreement
    planner.restart()
    model.difference_scale = torch.full((20,), 2.0)
    with torch.no_grad():  # the same function in other units
        model.network.weights[1] /= 2.0
        model.network.biases[1] /= 2.0
    after = planner.plan(*arguments(task), deadline_ns=0).disagreement
    assert after == pytest.approx(before / 2, rel=1e-4)


def test_without_proposals_the_policy_is_not_asked():
    task = make_task("dclaw-turn-random")
    model, policy = parts(task)
    alone = IcemSettings.model_validate(SMALL | {"proposals": 0})
    plans = [
        build_planner(task, model, alone, 0, prior).plan(*arguments(task))
        for prior in (None, GaussianPrior(policy))
    ]
    assert plans[1].prior_value is None
    np.testing.assert_array_equal(plans[0].actions, plans[1].actions)


def test_settings_that_lack_a_part_are_refused():
    task = make_task("dclaw-turn-random")
    model, _ = parts(task)
    with pytest.raises(ValueError, match="no policy to take it from"):
        build_planner(task, model, IcemSettings.model_validate({"prior_std": True}), 0)
    by_state = IcemSettings.model_validate({"disagreement": "state"})
    with pytest.raises(ValueError, match="PointMasses does not know how far a step goes"):
        build_planner(task, PointMasses(1.0), by_state, 0)


def test_more_members_than_the_model_has_are_refused():
    task = make_task("dclaw-turn-random")
    model, _ = parts(task)
    settings = IcemSettings.model_validate(SMALL | {"members_per_sequence": 3})
    with pytest.raises(ValueError, match="members_per_sequence is 3, but the model has 2"):
        build_planner(task, model, settings, 0)


def test_a_task_that_was_first_asked_in_a_plan_still_has_gradients():
    """What tasks keep from a call, such as limits as tensors, must be of use to a learner."""
    task = make_task("dclaw-turn-random")
    model, policy = parts(task)
    for kept in (tasks._limits, dclaw._base):
        kept.cache_clear()
    build_planner(task, model, IcemSettings(**SMALL), 0, GaussianPrior(policy)).plan(
        *arguments(task)
    )
    action = torch.zeros(3, len(task.robot.joints), requires_grad=True)
    physical = torch.zeros(3, len(task.physical_names), requires_grad=True)
    inputs = task.dynamics_inputs(physical, task.applied_action(physical, action), True)
    inputs.sum().backward()
    assert action.grad is not None
    assert action.grad.isfinite().all()
