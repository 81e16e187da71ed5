"""Late plans, missing plans, other episodes' plans: what the loop does then."""

import os
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mbctl.episodes.actor import PolicyActor
from mbctl.policies.planner_architecture import PlannerArchitecture
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.planner_client import PlannerClient
from services.ipc.latest_value import LatestValue
from services.ipc.plan_exchange import PlanExchange, PlanMessage, PlanRequest
from services.ipc.state_board import PlannerOnBoard

POLICY_ACTION = np.full(2, -0.5, np.float32)
PERIOD_NS = 100_000_000


class Rig:
    """An actor, the planner's end of its exchange, and a policy that always does the same."""

    def __init__(self, *, is_lockstep: bool, wait_s: float = 5.0) -> None:
        self.memory = bytearray(8192), bytearray(8192)
        self.fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        self.exchange = PlanExchange(*(memoryview(part) for part in self.memory), *self.fds)
        self.deaths = 0
        self.client = PlannerClient(
            self.exchange, lambda: self.deaths, PERIOD_NS, is_lockstep=is_lockstep, wait_s=wait_s
        )
        self.policy: Any = SimpleNamespace(
            version=4,
            planner=PlannerArchitecture(shift_steps_max=2),
            act=lambda observation, noise: POLICY_ACTION,
        )
        self.actor = PolicyActor(self.policy, self.client)
        self.actor.begin(99)

    def episode(self, step: int, noise: np.random.Generator | None = None) -> Any:
        return SimpleNamespace(
            steps=step,
            observation=np.zeros(3, np.float32),
            noise=noise,
            is_at_last_step=step >= 9,
            physical=np.zeros(3),
            goal=np.zeros(1),
            last_action=np.zeros(2),
        )

    def act(self, step: int, **episode: Any) -> np.ndarray:
        """One control step: act, then ask for the next one's plan."""
        now = self.episode(step, **episode)
        action = self.actor.act(now)
        self.actor.carried_out(now, np.full(2, float(step)))
        return action

    def on_board(self) -> PlannerOnBoard:
        return self.client.on_board(self.actor)

    def question(self) -> PlanRequest:
        found = self.exchange.newest_request(0)
        assert found is not None
        return found[1]

    def answer(self, first: float, error: str = "", **changed: Any) -> None:
        """Plan [first, first + 0.1, ...] for the newest question."""
        asked = self.question()
        actions = (first + 0.1 * np.arange(5, dtype=np.float32))[:, None].repeat(2, axis=1)
        plan = PlanMessage(
            asked.episode, asked.step, asked.policy_version, asked.asked_ns,
            time.monotonic_ns(), 5_000_000, 2, 64, 3.0, 3.0, 0.25,
            actions[:0] if error else actions, error,
        )  # fmt: skip
        self.exchange.answer(plan._replace(**changed))

    def close(self) -> None:
        for descriptor in self.fds:
            os.close(descriptor)


@pytest.fixture
def wall() -> Iterator[Rig]:
    rig = Rig(is_lockstep=False)
    yield rig
    rig.close()


@pytest.fixture
def lockstep() -> Iterator[Rig]:
    rig = Rig(is_lockstep=True, wait_s=0.2)
    yield rig
    rig.close()


class TestOnTheWallClock:
    def test_the_policy_acts_first_then_each_plan_in_time(self, wall):
        assert wall.act(0)[0] == -0.5
        for step in (1, 2, 3):
            wall.answer(0.1 * step)
            assert wall.act(step)[0] == pytest.approx(0.1 * step)
        board = wall.on_board()
        assert (board.planned, board.steps, board.late, board.fallbacks) == (True, 3, 0, 0)
        assert board.disagreement == 0.25
        assert board.took_s == 0.005
        assert 0 < board.age_s < 5

    def test_a_question_says_where_the_robot_was_and_by_when(self, wall):
        before_ns = time.monotonic_ns()
        wall.act(0)
        asked = wall.question()
        assert (asked.episode, asked.seed, asked.step, asked.policy_version) == (1, 99, 1, 4)
        assert asked.deadline_ns - before_ns >= 0.9 * PERIOD_NS
        assert asked.deadline_ns - time.monotonic_ns() < 0.9 * PERIOD_NS
        np.testing.assert_array_equal(asked.applied, np.zeros(2))

    def test_a_late_plan_is_replaced_by_the_one_before_then_by_the_policy(self, wall):
        wall.act(0)
        wall.answer(0.1)
        acted = [float(wall.act(step)[0]) for step in range(1, 6)]
        assert acted == pytest.approx([0.1, 0.2, 0.3, -0.5, -0.5])
        board = wall.on_board()
        assert (board.steps, board.late, board.fallbacks) == (5, 4, 2)
        assert board.late_rate == pytest.approx(0.8)

    def test_it_goes_on_with_the_next_plan_in_time(self, wall):
        for step in range(6):
            wall.act(step)
        wall.answer(0.7)
        assert wall.act(6)[0] == pytest.approx(0.7)

    def test_a_plan_of_another_episode_or_version_is_not_followed(self, wall):
        wall.act(0)
        wall.answer(0.1, episode=0)
        assert wall.act(1)[0] == -0.5
        wall.answer(0.1, policy_version=3)
        assert wall.act(2)[0] == -0.5

    def test_a_new_version_does_not_follow_the_old_ones_plan(self, wall):
        wall.act(0)
        wall.answer(0.1)
        wall.act(1)
        wall.policy.version = 5
        assert wall.act(2)[0] == -0.5

    def test_why_there_is_no_plan_is_shown(self, wall):
        wall.act(0)
        wall.answer(0.0, error="far from its data")
        assert wall.act(1)[0] == -0.5
        assert wall.on_board().error == "far from its data"
        wall.answer(0.3)
        assert wall.act(2)[0] == pytest.approx(0.3)
        assert wall.on_board().error == ""

    def test_numbers_that_are_none_are_not_followed(self, wall):
        wall.act(0)
        wall.answer(np.nan)
        assert wall.act(1)[0] == -0.5

    def test_a_message_that_is_none_stops_nothing(self, wall):
        wall.act(0)
        LatestValue(memoryview(wall.memory[1])).publish(b"nonsense")
        assert wall.act(1)[0] == -0.5
        assert "no plan" in wall.on_board().error

    def test_exploring_adds_noise(self, wall):
        wall.policy.planner = PlannerArchitecture(exploration_std=0.1)
        wall.act(0, noise=np.random.default_rng(0))
        wall.answer(0.1)
        action = wall.act(1, noise=np.random.default_rng(0))
        drawn = 0.1 * np.random.default_rng(0).standard_normal(2, dtype=np.float32)
        np.testing.assert_allclose(action, 0.1 + drawn, rtol=1e-5)

    def test_exploring_can_be_left_to_the_policy(self, wall):
        wall.policy.planner = PlannerArchitecture(explores=False)
        for step in range(3):
            assert wall.act(step, noise=np.random.default_rng(0))[0] == -0.5
        assert wall.exchange.newest_request(0) is None

    def test_nothing_is_asked_after_the_last_action(self, wall):
        wall.act(9)
        assert wall.exchange.newest_request(0) is None


class TestInLockstep:
    def test_time_stands_still_until_the_plan_is_there(self, lockstep):
        assert not lockstep.client.is_waiting
        lockstep.act(0)
        assert lockstep.question().deadline_ns == 0
        assert lockstep.client.is_waiting
        lockstep.answer(0.4)
        assert not lockstep.client.is_waiting
        assert lockstep.act(1)[0] == pytest.approx(0.4)

    def test_a_plan_that_cannot_be_made_is_an_answer_too(self, lockstep):
        lockstep.act(0)
        lockstep.answer(0.0, error="none")
        assert not lockstep.client.is_waiting
        assert lockstep.act(1)[0] == -0.5

    def test_a_planner_that_dies_is_a_fault(self, lockstep):
        lockstep.act(0)
        lockstep.deaths = 1
        assert not lockstep.client.is_waiting
        with pytest.raises(ControlFaultError, match="PLANNER_DIED"):
            lockstep.act(1)

    def test_one_that_died_between_two_questions_is_a_fault_too(self, lockstep):
        lockstep.act(0)
        lockstep.answer(0.1)
        lockstep.deaths = 1
        lockstep.act(1)
        with pytest.raises(ControlFaultError, match="PLANNER_DIED"):
            lockstep.act(2)

    def test_one_that_died_before_the_episode_is_forgotten(self, lockstep):
        lockstep.deaths = 1
        lockstep.actor.begin(7)
        lockstep.act(0)
        lockstep.answer(0.1)
        assert lockstep.act(1)[0] == pytest.approx(0.1)

    def test_a_planner_that_is_silent_is_a_fault(self, lockstep):
        lockstep.act(0)
        assert lockstep.client.is_waiting
        time.sleep(0.25)
        assert not lockstep.client.is_waiting
        with pytest.raises(ControlFaultError, match=r"PLANNER_SILENT: no plan for .* limit 0.2 s"):
            lockstep.act(1)

    def test_another_episode_waits_for_nothing(self, lockstep):
        lockstep.act(0)
        lockstep.actor.begin(7)
        assert not lockstep.client.is_waiting
        assert lockstep.act(0)[0] == -0.5
        assert lockstep.question().seed == 7


def test_without_an_exchange_the_policy_acts():
    rig = Rig(is_lockstep=True)
    rig.actor = PolicyActor(rig.policy)
    rig.actor.begin(0)
    assert [float(rig.act(step)[0]) for step in range(3)] == [-0.5] * 3
    assert rig.actor.is_planned
    assert rig.actor.steps == 0
    rig.close()
