"""What every algorithm must do, whatever it learns by.

Subclass `AlgorithmContract` in a test module with a `case` fixture. The task is a point mass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from mbctl.algorithms import algorithm as contract
from mbctl.algorithms.algorithm import Algorithm, Cancelled, Metrics
from mbctl.algorithms.registry import build_algorithm
from mbctl.data.replay import Replay
from mbctl.planners.agent import actor_of
from mbctl.policies.check import check_snapshot
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import Snapshot
from tests.conformance.point_mass import LAYOUT, PointMass, run_episode

TASK = PointMass()


@dataclass(frozen=True)
class Case:
    """An algorithm at sizes for a test.

    Attributes:
        settings: of the quick tests, where a move is a matter of milliseconds.
        learning: what differs where it is to learn.
        refits: moves of both players that learning takes.
        success: share of episodes that must succeed then.
    """

    name: str
    settings: Mapping[str, Any]
    learning: Mapping[str, Any] = field(default_factory=dict)
    refits: int = 20
    success: float = 0.8

    def build(self, seed: int, **changes: object) -> Algorithm:
        made = build_algorithm(self.name, {**self.settings, **changes}, TASK, seed)
        assert isinstance(made, Algorithm)
        return made


@dataclass
class Told:
    """A progress callback that notes what it is told, and may cancel at a report."""

    cancel_at: int = -1
    reports: list[tuple[str, float]] = field(default_factory=list)

    def __call__(self, phase: str, fraction: float, numbers: Metrics) -> None:
        self.reports.append((phase, fraction))
        assert all(np.isfinite(v) for v in numbers.values()), numbers
        if len(self.reports) == self.cancel_at:
            raise Cancelled(phase)


def snapshot_of(algorithm: Algorithm, name: str) -> Snapshot:
    return contract.snapshot_of(algorithm, TASK, name, 1)


def collect(
    replay: Replay, algorithm: Algorithm, name: str, rows: int, rng: np.random.Generator
) -> None:
    """Whole episodes of the robot, which explores, until there are `rows` more."""
    wanted, actor = replay.total + rows, actor_of(snapshot_of(algorithm, name), TASK)
    while replay.total < wanted:
        episode, _ = run_episode(TASK, actor, rng, explore=True)
        replay.append(episode, np.arange(len(episode)))


def filled(algorithm: Algorithm, name: str, rows: int, seed: int = 0) -> Replay:
    replay = Replay(LAYOUT, algorithm.settings.buffer_rows)
    collect(replay, algorithm, name, rows, np.random.default_rng(seed))
    return replay


def move(algorithm: Algorithm, replay: Replay) -> Metrics:
    return {**algorithm.refit(replay, Told()), **algorithm.improve(replay, Told())}


def as_bytes(state: dict[str, Tensor]) -> bytes:
    return safetensors.torch.save(state)


def mean_action(policy: Any, observation: Tensor) -> Tensor:
    """What the learner's own policy [B, O] -> [B, A] does without noise."""
    if not hasattr(policy, "canonical"):
        return policy.mean(observation)
    canonical, flipped = policy.canonical(observation)
    return policy.applied(policy.mean(canonical), flipped)


class AlgorithmContract:
    """The suite."""

    @pytest.fixture
    def replay(self, case: Case) -> Replay:
        """Rows for a first refit."""
        algorithm = case.build(0)
        return filled(algorithm, case.name, algorithm.settings.initial_rows)

    def more(self, replay: Replay, case: Case) -> None:
        """The same new rows for whoever comes next."""
        algorithm, rng = case.build(0), np.random.default_rng(1)
        collect(replay, algorithm, case.name, algorithm.settings.rows_per_refit, rng)

    # --- it says what it needs, and its moves are sound

    def test_it_says_what_data_it_needs(self, case):
        algorithm = case.build(0)
        assert algorithm.settings.initial_rows >= 1
        assert algorithm.settings.rows_per_refit >= 1
        capacity = algorithm.settings.buffer_rows
        assert capacity is None or capacity >= algorithm.settings.rows_per_refit

    def test_moves_report_progress_and_give_finite_numbers(self, case, replay):
        algorithm = case.build(0)
        refit, improve = Told(), Told()
        metrics = {**algorithm.refit(replay, refit), **algorithm.improve(replay, improve)}
        assert metrics
        assert all(np.isfinite(v) for v in metrics.values()), metrics
        assert all(bool(torch.isfinite(v).all()) for v in algorithm.state().values())
        reports = refit.reports + improve.reports
        assert {phase for phase, _ in reports} == {"REFIT", "IMPROVE"}
        for told in (refit, improve):
            fractions = [fraction for _, fraction in told.reports]
            assert fractions == sorted(fractions)
            assert 0 <= fractions[0] <= fractions[-1] <= 1

    def test_a_move_changes_the_policy(self, case, replay):
        algorithm = case.build(0)
        before = algorithm.snapshot()[1]
        move(algorithm, replay)
        after = algorithm.snapshot()[1]
        assert any(not np.array_equal(before[k], after[k]) for k in before)

    # --- the same again

    def test_it_can_be_asked_for_a_move_without_new_rows(self, case, replay):
        """A client may ask for a refit at any time."""
        algorithm = case.build(0)
        for _ in range(2):
            metrics = move(algorithm, replay)
            assert all(np.isfinite(v) for v in metrics.values()), metrics
        check_snapshot(snapshot_of(algorithm, case.name), TASK)

    def test_the_same_seed_gives_the_same_learner(self, case, replay):
        states = []
        for seed in (1, 1, 2):
            algorithm = case.build(seed)
            torch.manual_seed(len(states))  # global random states must not matter
            metrics = move(algorithm, replay)
            states.append((as_bytes(algorithm.state()), metrics))
        assert states[0] == states[1]
        assert states[0][0] != states[2][0]

    @pytest.mark.parametrize("between", [False, True], ids=["after a move", "between the moves"])
    def test_it_goes_on_exactly_where_its_state_was_taken(self, case, replay, between):
        straight, resumed = case.build(3), case.build(99)
        move(straight, replay)
        self.more(replay, case)
        if between:
            straight.refit(replay, Told())
        resumed.load_state(safetensors.torch.load(as_bytes(straight.state())))
        if between:
            told = [a.improve(replay, Told()) for a in (straight, resumed)]
        else:
            told = [move(a, replay) for a in (straight, resumed)]
        assert told[0] == told[1]
        assert as_bytes(straight.state()) == as_bytes(resumed.state())

    def test_a_state_is_a_copy(self, case, replay):
        algorithm = case.build(4)
        move(algorithm, replay)
        state = algorithm.state()
        taken = as_bytes(state)
        self.more(replay, case)
        move(algorithm, replay)
        assert as_bytes(state) == taken

    def test_a_state_with_a_part_missing_is_refused(self, case):
        algorithm = case.build(0)
        state = algorithm.state()
        for name in list(state)[:: max(1, len(state) // 8)]:
            rest = {k: v for k, v in state.items() if k != name}
            with pytest.raises(ValueError, match=name.replace(".", r"\.")):
                case.build(0).load_state(rest)

    @pytest.mark.parametrize("phase", ["REFIT", "IMPROVE"])
    def test_a_cancelled_move_can_be_rolled_back(self, case, replay, phase):
        straight, cancelled = case.build(5), case.build(5)
        before = cancelled.state()
        if phase == "IMPROVE":
            cancelled.refit(replay, Told())
        attempt = cancelled.refit if phase == "REFIT" else cancelled.improve
        with pytest.raises(Cancelled, match=phase):
            attempt(replay, Told(cancel_at=1))
        rolled_back = case.build(6)
        rolled_back.load_state(before)
        assert move(rolled_back, replay) == move(straight, replay)
        assert as_bytes(rolled_back.state()) == as_bytes(straight.state())

    # --- what the robot gets

    def test_its_snapshot_passes_the_controllers_checks(self, case, replay):
        algorithm = case.build(0)
        check_snapshot(snapshot_of(algorithm, case.name), TASK)
        move(algorithm, replay)
        check_snapshot(snapshot_of(algorithm, case.name), TASK)

    def test_the_robot_acts_as_the_learner_means_it_to(self, case, replay):
        algorithm: Any = case.build(0)
        move(algorithm, replay)
        observation = replay.rows[:50, LAYOUT.observation]
        with torch.no_grad():
            wanted = mean_action(algorithm.policy, torch.from_numpy(observation.copy())).numpy()
        policy = NumpyPolicy(snapshot_of(algorithm, case.name))
        acted = np.stack([policy.act(row) for row in observation])
        assert acted.shape == (50, 2)
        np.testing.assert_allclose(acted, wanted, rtol=0, atol=3e-6)

    # --- and it learns

    def test_it_learns_to_move_a_point_mass(self, case, record_property):
        algorithm = case.build(0, **case.learning)
        before = self.share_of_successes(algorithm, case)
        replay = filled(algorithm, case.name, algorithm.settings.initial_rows)
        rng = np.random.default_rng(2)
        for _ in range(case.refits):
            move(algorithm, replay)
            collect(replay, algorithm, case.name, algorithm.settings.rows_per_refit, rng)
        after = self.share_of_successes(algorithm, case)
        record_property("rows", replay.total)
        record_property("success", after)
        assert before <= 0.2
        assert after >= case.success, f"{before} before, {after} after {replay.total} rows"

    def share_of_successes(self, algorithm: Algorithm, case: Case) -> float:
        """Final-step success over 50 episodes as the robot acts when it does not explore."""
        actor, rng = actor_of(snapshot_of(algorithm, case.name), TASK), np.random.default_rng(7)
        episodes = [run_episode(TASK, actor, rng, explore=False) for _ in range(50)]
        return float(np.mean([success for _, success in episodes]))
