"""A learner behind a planner: it learns as ever, and its snapshot plans in what it learned."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mbctl.algorithms.planned.planned import planned
from mbctl.algorithms.planned.settings import PalMpcSettings
from mbctl.algorithms.registry import algorithm_config, build_algorithm
from mbctl.config.check import resolve_algorithm
from mbctl.config.errors import ConfigError
from mbctl.config.models import AlgorithmConfig
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.planners.agent import actor_of, agent_of
from mbctl.planners.settings import PLANNERS
from mbctl.planners.snapshot_parts import planner_parts
from mbctl.planners.terminal_value import TwinQValue
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import build_snapshot
from tests.conformance.algorithm import filled, move, snapshot_of
from tests.conformance.point_mass import PointMass, act, begun, run_episode
from tests.mbctl.algorithms.cases import CASES, PRESET_DIR

TASK = PointMass()
PRESETS = sorted(PRESET_DIR.glob("*-mpc*.toml"))


@pytest.fixture(params=["pal-mpc", "mal-mpc"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def settings_in(preset: Path) -> dict[str, Any]:
    return tomllib.loads(preset.read_text(encoding="utf-8"))["settings"]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_a_preset_learns_as_that_of_the_learner_alone(preset: Path):
    base = preset.with_name(preset.name.replace("-mpc", ""))
    own = {"planner", "explores", "exploration_std"}
    assert {k: v for k, v in settings_in(preset).items() if k not in own} == settings_in(base)


class TestSnapshot:
    def test_before_the_first_fit_the_policy_acts_alone(self, name):
        assert snapshot_of(CASES[name].build(0), name).manifest.policy.planner is None

    def test_it_plans_in_the_model_that_was_fitted(self, name):
        algorithm = CASES[name].build(0)
        move(algorithm, filled(algorithm, name, 60))
        snapshot = snapshot_of(algorithm, name)
        check_snapshot(snapshot, TASK)
        agent = agent_of(snapshot, TASK)
        physical, action = torch.randn(2, 5, 4), torch.rand(2, 5, 2)
        expected = algorithm.learner.model.predict(physical, action)
        torch.testing.assert_close(agent.model.predict(physical, action), expected)
        assert agent.planner.horizon == 3

    def test_learning_is_that_of_the_learner_alone(self, name):
        base = name.removesuffix("-mpc")
        states = []
        for case in (CASES[name], CASES[base]):
            algorithm = case.build(1)
            move(algorithm, filled(algorithm, base, 60))
            states.append(algorithm.state())
        assert states[0].keys() == states[1].keys()
        for key, tensor in states[0].items():
            torch.testing.assert_close(tensor, states[1][key], rtol=0, atol=0)


def test_a_learner_without_a_model_is_refused():
    sac = CASES["sac"].build(0)
    with pytest.raises(ValueError, match="Sac has no dynamics model"):
        planned(sac, PalMpcSettings())


def test_of_a_probabilistic_ensemble_the_elites_means_travel():
    generator = torch.Generator().manual_seed(0)
    model = ProbabilisticEnsemble(TASK, (16, 8), 4, 2, False, False, "silu", generator)
    rows = torch.randn(40, 4, generator=generator), torch.rand(40, 2, generator=generator)
    model.fit_statistics(*rows, 0.2 * torch.randn(40, 4, generator=generator) + 1.0, None)
    model.elites = (3, 1)
    planner, arrays = planner_parts(model, {"horizon": 3}, 0.0, 1)
    assert (planner.members, planner.activation) == (2, "silu")
    base = CASES["pal"].build(0).snapshot()
    snapshot = build_snapshot(
        TASK,
        base[1] | arrays,
        version=1,
        algorithm="maac-mpc",
        architecture=PolicyArchitecture.model_validate({**base[0], "planner": planner}),
    )
    check_snapshot(snapshot, TASK)
    physical, action = torch.randn(4, 5, 4), torch.rand(4, 5, 2)
    expected = model.predict(physical, action)[[3, 1]]
    found = agent_of(snapshot, TASK).model.predict(physical[[3, 1]], action[[3, 1]])
    torch.testing.assert_close(found, expected)


class TestSettings:
    def test_a_method_of_search_brings_its_own_settings(self):
        config = algorithm_config("pal-mpc", {"planner": {"method": "mppi", "temperature": 0.5}})
        assert isinstance(config, PalMpcSettings)
        assert config.planner.method == "mppi"

    def test_an_unknown_one_is_named(self):
        with pytest.raises(ValueError, match=r"'populatoin'; did you mean 'population'\?"):
            build_algorithm("pal-mpc", {"planner": {"populatoin": 3}}, TASK, 0)

    @pytest.mark.parametrize("planned", ["pal-mpc", "mal-mpc", "maac-mpc"])
    def test_more_members_than_there_are_cannot_be_asked(self, planned):
        with pytest.raises(ValueError, match=r"members_per_sequence is 50, .* must be at most"):
            algorithm_config(planned, {"planner": {"members_per_sequence": 50}})

    def test_a_preset_is_changed_key_by_key(self, name):
        config = AlgorithmConfig(name=name, settings={"planner": {"horizon": 7}})
        resolved = resolve_algorithm(config).settings["planner"]
        assert (resolved["horizon"], resolved["initial_std"]) == (7, 0.8)

    @pytest.mark.parametrize("method", PLANNERS.names())
    def test_another_method_is_chosen_over_that_of_a_preset(self, name, method):
        config = AlgorithmConfig(name=name, settings={"planner": {"method": method}})
        resolved = resolve_algorithm(config).settings["planner"]
        assert (resolved["method"], resolved["horizon"]) == (method, 12)
        assert resolved.get("elites", 8) == 8

    def test_presets_of_the_planned_learner_are_not_those_of_the_plain_one(self):
        with pytest.raises(ConfigError, match="no such preset for pal"):
            resolve_algorithm(AlgorithmConfig(name="pal", preset="mpc"))


def test_planning_in_a_learned_model_beats_the_policy_that_learned_it():
    """After one refit the policy knows little; the planner knows what the model does."""
    settings = {**CASES["pal-mpc"].learning, "planner": {"horizon": 6, "population": 60}}
    algorithm = CASES["pal-mpc"].build(0, **settings)
    move(algorithm, filled(algorithm, "pal-mpc", algorithm.settings.initial_rows))
    actor, rng = actor_of(snapshot_of(algorithm, "pal-mpc"), TASK), np.random.default_rng(0)
    reached = [run_episode(TASK, actor, rng, explore=False)[1] for _ in range(10)]
    assert sum(reached) >= 8


class TestMaac:
    def built(self, **changes):
        algorithm = CASES["maac-mpc"].build(0, **changes)
        move(algorithm, filled(algorithm, "maac-mpc", 60))
        return algorithm

    def test_plans_end_with_the_critics_value_in_the_tasks_units(self):
        algorithm = self.built(reward_scale=0.1)
        agent = agent_of(snapshot_of(algorithm, "maac-mpc"), TASK)
        where = torch.randn(2, 6, 4), torch.rand(2, 6, 2), torch.rand(2, 6, 2)
        found = agent.planner.objective.terminal_value(*where)
        learned = TwinQValue(TASK, algorithm.policy, algorithm.learner.critic)(*where)
        torch.testing.assert_close(found, learned / 0.1)

    def test_the_policy_explores_alone_as_in_the_paper(self):
        snapshot = snapshot_of(self.built(), "maac-mpc")
        actor, policy = actor_of(snapshot, TASK), NumpyPolicy(snapshot)
        episode = begun(TASK, np.zeros(4), np.ones(2))
        actor.begin(0)
        for _ in range(2):
            episode.noise = np.random.default_rng(3)
            alone = policy.act(episode.observation, np.random.default_rng(3))
            np.testing.assert_array_equal(act(actor, TASK, episode), alone)
        episode = begun(TASK, np.zeros(4), np.ones(2))
        actor.begin(0)
        tested = [act(actor, TASK, episode) for _ in range(2)]
        assert not np.array_equal(tested[0], tested[1])

    @pytest.mark.parametrize("changes", [{"gamma": 0.9}, {"reward": "objective"}])
    def test_a_value_that_counts_otherwise_than_the_plan_is_refused(self, changes):
        with pytest.raises(ValueError, match=f"planner.{next(iter(changes))} is"):
            algorithm_config("maac-mpc", changes)

    def test_plans_are_not_mixed_with_a_learned_reward(self):
        with pytest.raises(ValueError, match="learned_reward is true"):
            algorithm_config("maac-mpc", {"learned_reward": True})
