"""A snapshot's agent plans as the learner's own model would, for the step that comes next."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mbctl.critics.twin_q import TwinQ
from mbctl.episodes.actor import PolicyActor
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.planners.agent import PlanningAgent, actor_of, agent_of
from mbctl.planners.planner import PlanError
from mbctl.planners.snapshot_parts import planner_parts
from mbctl.policies.check import check_snapshot
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.policies.manifest import PolicyArchitecture, SnapshotError
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.planner_architecture import PlannerArchitecture
from mbctl.policies.snapshot import Snapshot, build_snapshot, snapshot_from_bytes
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from tests.conformance.point_mass import PointMass, act, begun, run_episode

SEARCH = {"method": "icem", "horizon": 4, "population": 20, "iterations": 2, "elites": 5}
POINT_MASS = PointMass()


def ensemble_of(task: Task, seed: int = 0) -> DeterministicEnsemble:
    """Two members that have seen random data once, so that their units are not trivial."""
    generator = torch.Generator().manual_seed(seed)
    model = DeterministicEnsemble(task, (16, 8), 2, True, generator)
    physical = torch.randn(50, len(task.physical_names), generator=generator)
    action = torch.rand(50, len(task.robot.joints), generator=generator)
    model.fit_statistics(physical, action, 0.1 * torch.randn(physical.shape, generator=generator))
    return model


def squashed_of(task: Task) -> SquashedGaussianPolicy:
    sizes = len(task.observation_names), len(task.robot.joints)
    generator = torch.Generator().manual_seed(5)
    return SquashedGaussianPolicy(*sizes, (8,), task.reflection, generator)


def snapshot_with_planner(
    task: Task, critic: TwinQ | None = None, seed: int = 0, **search: Any
) -> Snapshot:
    """A squashed policy with a planner around it."""
    policy = squashed_of(task)
    planner, arrays = planner_parts(ensemble_of(task, seed), {**SEARCH, **search}, 0.1, 2, critic)
    architecture, weights = policy.snapshot()
    described, weights = {**architecture, "planner": planner.model_dump()}, weights | arrays
    return build_snapshot(
        task,
        weights,
        version=3,
        algorithm="pal-mpc",
        architecture=PolicyArchitecture.model_validate(described),
    )


def critic_of(task: Task) -> TwinQ:
    sizes = len(task.observation_names), len(task.robot.joints)
    critic = TwinQ(*sizes, (8, 8), True, torch.Generator().manual_seed(6))
    critic.input_shift += 0.5
    return critic


@pytest.fixture(params=["dclaw-turn-random", "point-mass"])
def task(request: pytest.FixtureRequest) -> Task:
    return POINT_MASS if request.param == "point-mass" else make_task(request.param)


def start_of(task: Task, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    physical = 0.1 * rng.standard_normal(len(task.physical_names))
    return physical, np.zeros(len(task.robot.joints)), task.sample_goal(rng)


class TestSnapshot:
    def test_it_passes_the_checks_and_survives_the_wire(self, task):
        snapshot = snapshot_with_planner(task, critic_of(task))
        check_snapshot(snapshot, task)
        sent = snapshot_from_bytes(*snapshot.files)
        assert sent.manifest == snapshot.manifest
        assert sent.manifest.policy.planner is not None
        assert sent.manifest.policy.planner.search == SEARCH
        check_snapshot(sent, task)

    @pytest.mark.parametrize("name", ["model.layers.1.weight", "value.gains.0"])
    def test_an_array_of_another_shape_is_refused(self, task, name):
        snapshot = snapshot_with_planner(task, critic_of(task))
        snapshot.weights[name] = snapshot.weights[name][:1].copy()
        with pytest.raises(SnapshotError, match=f"SHAPE_MISMATCH.*{name}"):
            check_snapshot(snapshot, task)

    @pytest.mark.parametrize("name", ["model.difference_scale", "value.input_scale"])
    def test_a_unit_of_zero_is_refused(self, task, name):
        snapshot = snapshot_with_planner(task, critic_of(task))
        snapshot.weights[name][0] = 0
        with pytest.raises(SnapshotError, match=f"WEIGHTS_INVALID.*{name}"):
            check_snapshot(snapshot, task)

    def test_a_model_without_its_entry_is_refused(self, task):
        snapshot = snapshot_with_planner(task)
        policy = snapshot.manifest.policy.model_copy(update={"planner": None})
        manifest = snapshot.manifest.model_copy(update={"policy": policy})
        with pytest.raises(SnapshotError, match=r"SHAPE_MISMATCH.*'model\."):
            check_snapshot(replace(snapshot, manifest=manifest), task)


class TestAgentOf:
    def test_its_model_is_the_learners(self, task):
        model = ensemble_of(task)
        agent = agent_of(snapshot_with_planner(task), task)
        physical = torch.randn(2, 30, len(task.physical_names))
        action = torch.rand(2, 30, len(task.robot.joints))
        expected = model.predict(physical, action)
        torch.testing.assert_close(agent.model.predict(physical, action), expected)

    def test_its_terminal_value_is_the_critics(self, task):
        critic, policy = critic_of(task), squashed_of(task)
        with_value = agent_of(snapshot_with_planner(task, critic), task)
        physical = 0.1 * torch.randn(2, 7, len(task.physical_names))
        last = torch.rand(2, 7, len(task.robot.joints))
        goal = torch.rand(2, 7, len(task.goal_names))
        value = with_value.planner.objective.terminal_value(physical, last, goal)
        observation = task.observation(physical, last, goal).flatten(0, 1)
        with torch.no_grad():
            seen, _ = policy.canonical(observation)
            asked = task.applied_action(task.physical(seen), policy.mean(seen))
            expected = critic.values(seen, asked).min(dim=0).values.reshape(2, 7)
        torch.testing.assert_close(value, expected)

    def test_unknown_settings_are_named(self, task):
        with pytest.raises(ValueError, match="populatoin"):
            agent_of(snapshot_with_planner(task, populatoin=3), task)

    def test_a_snapshot_without_a_planner_is_refused(self, task):
        snapshot = snapshot_with_planner(task)
        policy = snapshot.manifest.policy.model_copy(update={"planner": None})
        manifest = snapshot.manifest.model_copy(update={"policy": policy})
        with pytest.raises(ValueError, match="version 3 carries no planner"):
            agent_of(replace(snapshot, manifest=manifest), task)


class TestPlanNext:
    def test_it_plans_from_the_mean_state_after_the_action(self, task):
        agent, model = agent_of(snapshot_with_planner(task), task), ensemble_of(task)
        physical, _, goal = start_of(task)
        action = np.full(len(task.robot.joints), 0.3)
        began: list[np.ndarray] = []

        class Recorded:
            horizon = 4

            def plan(self, physical, last_action, goal, deadline_ns=None, steps=1):
                began.extend([np.asarray(physical), np.asarray(last_action)])
                raise PlanError("enough")

            def restart(self, seed=None):
                pass

        agent.planner = Recorded()
        with pytest.raises(PlanError, match="enough"):
            agent.plan_next(physical, goal, action)
        state = torch.from_numpy(physical.astype(np.float32))
        applied = task.applied_action(state, torch.full((len(action),), 0.3))
        after = model.predict(state.expand(2, 1, -1), applied.expand(2, 1, -1)).mean(dim=0)[0]
        np.testing.assert_allclose(began[0], after.numpy(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(began[1], action, rtol=1e-6)

    def test_the_same_seed_gives_the_same_plans(self, task):
        agent = agent_of(snapshot_with_planner(task), task)
        physical, _, goal = start_of(task)
        action = np.zeros(len(task.robot.joints))

        def plans(seed: int) -> list[bytes]:
            agent.begin(seed)
            return [agent.plan_next(physical, goal, action).actions.tobytes() for _ in range(3)]

        first = plans(1)
        assert plans(2) != first
        assert plans(1) == first

    def test_a_broken_model_gives_no_plan(self, task):
        snapshot = snapshot_with_planner(task)
        snapshot.weights["model.layers.0.bias"][:] = np.nan
        agent = agent_of(snapshot, task)
        physical, last, goal = start_of(task)
        with pytest.raises(PlanError, match="weights are broken"):
            agent.plan_next(physical, goal, last)


class TestActorOf:
    def test_the_policy_acts_first_and_then_the_planner(self, task):
        snapshot = snapshot_with_planner(task)
        actor, agent = actor_of(snapshot, task), agent_of(snapshot, task)
        physical, _, goal = start_of(task)
        episode = begun(task, physical, goal)
        actor.begin(1)
        observation = episode.observation
        first = act(actor, task, episode)
        np.testing.assert_array_equal(first, NumpyPolicy(snapshot).act(observation))
        second = act(actor, task, episode)
        agent.begin(1)
        applied = task.applied_action(physical, first.astype(np.float64))
        plan = agent.plan_next(physical, goal, first, applied=applied)
        np.testing.assert_array_equal(second, plan.actions[0])

    def test_exploring_adds_noise_from_the_episodes_source(self, task):
        actor = actor_of(snapshot_with_planner(task), task)
        physical, _, goal = start_of(task)

        def acted(seed: int) -> np.ndarray:
            episode = begun(task, physical, goal)
            episode.noise = np.random.default_rng(seed)
            actor.begin(1)
            return np.stack([act(actor, task, episode) for _ in range(4)])

        np.testing.assert_array_equal(acted(3), acted(3))
        assert not np.array_equal(acted(3), acted(4))
        assert np.abs(acted(3)[1:]).max() <= 1

    def test_without_plans_the_policy_goes_on(self, task):
        snapshot = snapshot_with_planner(task)
        snapshot.weights["model.layers.0.bias"][:] = np.nan
        actor, policy = actor_of(snapshot, task), NumpyPolicy(snapshot)
        physical, _, goal = start_of(task)
        episode = begun(task, physical, goal)
        actor.begin(0)
        for _ in range(3):
            observation = episode.observation
            np.testing.assert_array_equal(act(actor, task, episode), policy.act(observation))
        assert (actor.steps, actor.fallbacks) == (2, 2)

    def test_planning_moves_a_point_mass_better_than_an_untrained_policy(self):
        """With the true dynamics as model, plans reach the goal that the policy does not."""

        class Truth:
            members = 1

            def predict(self, physical, action):
                return POINT_MASS.step(physical, action)

        snapshot = snapshot_with_planner(POINT_MASS, horizon=6, population=100)
        planner = agent_of(snapshot, POINT_MASS).planner
        planner.objective.model = planner.proposal.model = Truth()
        agent = PlanningAgent(POINT_MASS, Truth(), planner)
        actor = PolicyActor(NumpyPolicy(snapshot), agent)
        rng = np.random.default_rng(0)
        reached = [run_episode(POINT_MASS, actor, rng, explore=False)[1] for _ in range(5)]
        assert all(reached)


def test_gaussian_policies_are_priors_too():
    task = POINT_MASS
    generator = torch.Generator().manual_seed(2)
    policy = GaussianPolicy(6, 2, (8,), -1.0, -2.0, None, generator)
    planner, arrays = planner_parts(ensemble_of(task), SEARCH, 0.0, 1)
    assert isinstance(planner, PlannerArchitecture)
    architecture = PolicyArchitecture(hidden=(8,), planner=planner)
    snapshot = build_snapshot(
        task,
        policy.snapshot()[1] | arrays,
        version=1,
        algorithm="pal-mpc",
        architecture=architecture,
    )
    agent = agent_of(snapshot, task)
    seen = torch.randn(5, 6)
    mean, std = agent.planner.proposal.prior.distribution(seen)
    torch.testing.assert_close(mean, policy.mean(seen))
    torch.testing.assert_close(std, policy.log_std.exp().expand(5, 2))
