"""Questions answered in this process: the right version, the same plans again, or why not."""

import numpy as np
import pytest

from mbctl.planners.agent import agent_of
from services.controller.planner.planning import Planning
from services.ipc.plan_exchange import PlanMessage, PlanRequest


@pytest.fixture
def ask(task, exchange):
    """Puts a question to a Planning and gives its answer."""
    rng = np.random.default_rng(0)
    start = task.sample_start(rng)
    physical = np.zeros(len(task.physical_names))
    physical[: len(start.joint_position_rad)] = start.joint_position_rad
    goal, seen = task.sample_goal(rng), [0]

    def put(planning: Planning, step: int = 1, **changed) -> PlanMessage:
        still = np.zeros(len(task.robot.joints))
        request = PlanRequest(1, 5, step, 1, 100, 0, physical, goal, still, still)
        exchange.ask(request._replace(**changed))
        assert planning.answer_newest()
        found = exchange.newest_plan(seen[0])
        assert found is not None
        seen[0] = found[0]
        return found[1]

    return put


@pytest.fixture
def planning(task, exchange, planned, put) -> Planning:
    made = Planning(task, exchange)
    made.use(put(planned(1)))
    return made


def test_it_plans_as_the_snapshots_agent_does(planning, ask, planned, task):
    plan = ask(planning)
    assert (plan.episode, plan.step, plan.policy_version, plan.error) == (1, 1, 1, "")
    assert plan.actions.shape == (4, 9)
    assert plan.took_ns > 0
    agent = agent_of(planned(1), task)
    agent.begin(5)
    asked = planning._exchange.newest_request(0)[1]
    expected = agent.plan_next(asked.physical, asked.goal, asked.action, applied=asked.applied)
    np.testing.assert_array_equal(plan.actions, expected.actions)
    assert plan.value == pytest.approx(expected.value)


def test_nothing_new_is_answered_once(planning, ask):
    ask(planning)
    assert not planning.answer_newest()


def test_the_same_seed_gives_the_same_episode(planning, ask):
    def episode(number: int, seed: int) -> list[bytes]:
        plans = [ask(planning, step, episode=number, seed=seed) for step in (1, 2, 3)]
        return [plan.actions.tobytes() for plan in plans]

    first = episode(1, 5)
    assert episode(2, 6) != first
    assert episode(3, 5) == first


def test_a_version_it_does_not_have_is_named(planning, ask):
    assert ask(planning, policy_version=8).error == "the planner does not have version 8 yet"


def test_it_keeps_the_two_newest_versions(planning, ask, planned, put):
    for version in (2, 3):
        planning.use(put(planned(version)))
    assert [bool(ask(planning, policy_version=v).error) for v in (1, 2, 3)] == [True, False, False]


def test_why_a_version_cannot_plan_is_told_to_who_asks(planning, ask, planned, put):
    planning.use(put(planned(2, populatoin=3)))
    assert "version 2 cannot plan: unknown planner setting 'populatoin'" in ask(
        planning, policy_version=2
    ).error  # fmt: skip


def test_other_weights_under_the_same_number_are_refused(planning, ask, planned, put):
    told = put(planned(2)).model_copy(update={"weights_sha256": "0" * 64})
    planning.use(told)
    assert "WEIGHTS_HASH_MISMATCH" in ask(planning, policy_version=2).error


def test_a_state_that_is_no_number_gives_no_plan(planning, ask, task):
    broken = np.full(len(task.physical_names), np.nan)
    plan = ask(planning, physical=broken)
    assert plan.error
    assert plan.actions.shape == (0, 9)
    assert ask(planning, 2).error == ""
