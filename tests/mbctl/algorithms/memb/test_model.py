"""MEMB's model player on real D'Claw data: what it fits, in whose view and units."""

from typing import Any

import numpy as np
import pytest
import torch

from mbctl.algorithms.memb.model import EmbeddedModel
from mbctl.algorithms.memb.settings import MembSettings
from mbctl.algorithms.sac.transitions import TransitionSource
from mbctl.data.replay import Replay
from mbctl.models.sampled_model import SampledDynamics
from mbctl.tasks.registry import make_task
from tests.conformance.point_mass import PointMass

TASK = make_task("dclaw-turn-random")
SMALL = {"model_hidden": [32], "batch": 64, "model_learning_rate": 3e-3, "mirrored_policy": True}


class Fitted:
    """A model, and what fitting it needs."""

    def __init__(self, replay: Replay, **changes: object) -> None:
        self.settings = MembSettings.model_validate({**SMALL, **changes})
        self.generator = torch.Generator().manual_seed(0)
        self.replay = replay
        mirror = TASK.reflection if self.settings.mirrored_policy else None
        self.model = EmbeddedModel(TASK, self.settings, mirror, self.generator)
        self.source = TransitionSource(TASK, replay, self.settings, mirror)

    def fit(self, steps: int) -> dict[str, float]:
        return self.model.fit(
            self.replay, self.source, steps, self.generator, lambda step, numbers: None
        )

    def error(self) -> float:
        return self.model.one_step_error(self.replay, len(self.replay))["model_error_one_step"]


@pytest.mark.parametrize("symmetry", [False, True])
def test_a_fit_lessens_both_errors(replay, symmetry):
    fitted = Fitted(replay, symmetry=symmetry)
    first = fitted.fit(1)
    before = fitted.error()
    last = fitted.fit(300)
    assert fitted.error() < 0.7 * before
    assert last["model_loss"] < first["model_loss"]
    assert last["reward_loss"] < first["reward_loss"]


def test_the_model_is_fitted_in_the_policys_view(replay):
    fitted = Fitted(replay)
    rows = torch.from_numpy(replay.rows)
    seen = rows[:, replay.layout.observation]
    mirror = TASK.reflection
    assert mirror is not None
    assert bool(mirror.flipped(seen).any())
    inputs, difference = fitted.model.dynamics_data(rows, replay, 0)
    canonical = mirror.observation(seen, mirror.flipped(seen))
    action = mirror.action(rows[:, replay.layout.action], mirror.flipped(seen))
    physical = TASK.physical(canonical)
    assert torch.equal(inputs, TASK.dynamics_inputs(physical, action, False))
    after = rows[:, replay.layout.next_observation]
    arrived = TASK.physical(mirror.observation(after, mirror.flipped(seen)))
    assert torch.allclose(difference, TASK.physical_difference(arrived, physical))


def test_units_follow_when_there_are_a_tenth_more_rows(replay, episodes):
    fitted = Fitted(replay)
    fitted.fit(1)
    units: Any = fitted.model.nets()["dynamics"]
    scale = units.input_scale.clone()
    replay.append(3 * episodes[0], np.arange(len(episodes[0])))
    fitted.source = TransitionSource(TASK, replay, fitted.settings, fitted.model.reflection)
    fitted.fit(1)
    assert fitted.model.rows_in_units == 480
    assert torch.equal(units.input_scale, scale)
    replay.append(3 * episodes[1], np.arange(len(episodes[1])))
    fitted.source = TransitionSource(TASK, replay, fitted.settings, fitted.model.reflection)
    fitted.fit(1)
    assert fitted.model.rows_in_units == 560
    assert not torch.equal(units.input_scale, scale)


def test_with_the_tasks_own_reward_there_is_one_net(replay):
    fitted = Fitted(replay, learned_reward=False)
    assert list(fitted.model.nets()) == ["dynamics"]
    assert fitted.model.samples(10) == 640
    assert fitted.fit(2).keys() == {"model_loss"}
    assert Fitted(replay).model.samples(10) == 1280


def test_a_true_model_needs_a_task_that_has_one():
    settings = MembSettings(true_model=True)
    with pytest.raises(ValueError, match=r"dynamics of dclaw-turn-random in closed form"):
        EmbeddedModel(TASK, settings, None, torch.Generator())


def test_a_true_model_has_nothing_to_learn(replay):
    settings = MembSettings(true_model=True, learned_reward=False)
    model = EmbeddedModel(PointMass(), settings, None, torch.Generator())
    assert not isinstance(model.dynamics, SampledDynamics)
    assert model.nets() == {}
    assert model.samples(10) == 0
    source = TransitionSource(TASK, replay, settings, None)
    assert model.fit(replay, source, 5, torch.Generator(), lambda step, numbers: None) == {}
