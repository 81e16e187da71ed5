"""Questions answered in this process: the right version, the same plans again, or why not."""

import numpy as np
import pytest

from mbctl.planners.agent import agent_of
from services.controller.planner.plan_server import PlanServer
from services.ipc.plan_exchange import PlanMessage, PlanRequest


@pytest.fixture
def ask(task, exchange):
    """Puts a question to a PlanServer and gives its answer."""
    rng = np.random.default_rng(0)
    start = task.sample_start(rng)
    physical = np.zeros(len(task.physical_names))
    physical[: len(start.joint_position_rad)] = start.joint_position_rad
    goal, seen = task.sample_goal(rng), [0]

    def put(server: PlanServer, step: int = 1, **changed) -> PlanMessage:
        still = np.zeros(len(task.robot.joints))
        request = PlanRequest(1, 5, step, 1, 100, 0, physical, goal, still, still)
        exchange.ask(request._replace(**changed))
        assert server.answer_newest()
        found = exchange.newest_plan(seen[0])
        assert found is not None
        seen[0] = found[0]
        return found[1]

    return put


@pytest.fixture
def server(task, exchange, planned, put) -> PlanServer:
    made = PlanServer(task, exchange)
    made.use(put(planned(1)))
    return made


def test_it_plans_as_the_snapshots_agent_does(server, ask, planned, task):
    plan = ask(server)
    assert (plan.episode, plan.step, plan.policy_version, plan.error) == (1, 1, 1, "")
    assert plan.actions.shape == (4, 9)
    assert plan.took_ns > 0
    agent = agent_of(planned(1), task)
    agent.begin(5)
    asked = server._exchange.newest_request(0)[1]
    expected = agent.plan_next(asked.physical, asked.goal, asked.action, applied=asked.applied)
    np.testing.assert_array_equal(plan.actions, expected.actions)
    assert plan.value == pytest.approx(expected.value)


def test_nothing_new_is_answered_once(server, ask):
    ask(server)
    assert not server.answer_newest()


def test_the_same_seed_gives_the_same_episode(server, ask):
    def episode(number: int, seed: int) -> list[bytes]:
        plans = [ask(server, step, episode=number, seed=seed) for step in (1, 2, 3)]
        return [plan.actions.tobytes() for plan in plans]

    first = episode(1, 5)
    assert episode(2, 6) != first
    assert episode(3, 5) == first


def test_a_version_it_does_not_have_is_named(server, ask):
    assert ask(server, policy_version=8).error == "the planner does not have version 8 yet"


def test_it_keeps_the_two_newest_versions(server, ask, planned, put):
    for version in (2, 3):
        server.use(put(planned(version)))
    assert [bool(ask(server, policy_version=v).error) for v in (1, 2, 3)] == [True, False, False]


def test_why_a_version_cannot_plan_is_told_to_who_asks(server, ask, planned, put):
    server.use(put(planned(2, populatoin=3)))
    assert "version 2 cannot plan: unknown planner setting 'populatoin'" in ask(
        server, policy_version=2
    ).error  # fmt: skip


def test_other_weights_under_the_same_number_are_refused(server, ask, planned, put):
    told = put(planned(2)).model_copy(update={"weights_sha256": "0" * 64})
    server.use(told)
    assert "WEIGHTS_HASH_MISMATCH" in ask(server, policy_version=2).error


def test_a_state_that_is_no_number_gives_no_plan(server, ask, task):
    broken = np.full(len(task.physical_names), np.nan)
    plan = ask(server, physical=broken)
    assert plan.error
    assert plan.actions.shape == (0, 9)
    assert ask(server, 2).error == ""
