"""The model error that is shown: of columns that move, whatever others do."""

import numpy as np
import pytest
import torch

from mbctl.algorithms.game.settings import PalSettings
from mbctl.algorithms.model_data import transition_data
from mbctl.algorithms.model_error import model_errors, moving_columns
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import EnsembleFitter
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task

TASK = make_task("gym/InvertedPendulum-v5", "default")
LAYOUT = row_layout(TASK)


def filled(rows: int, seed: int, still: tuple[int, ...] = (), size: float = 0.0) -> Replay:
    """Four columns that change by up to 1 with a noise of 0.1; `still` ones by `size`."""
    rng, block = np.random.default_rng(seed), np.zeros((rows, LAYOUT.width), np.float32)
    state, action = rng.normal(size=(rows, 4)), rng.uniform(-1, 1, (rows, 1))
    state[:, list(still)] = 0.7
    change = np.concatenate([action, 0.5 * state[:, :1], 0.3 * state[:, 1:2], action], axis=1)
    change += 0.1 * rng.normal(size=(rows, 4))
    for column in still:
        change[:, column] = size * rng.normal(size=rows)
    block[:, LAYOUT.observation], block[:, LAYOUT.next_observation] = state, state + change
    block[:, LAYOUT.action] = action
    replay = Replay(LAYOUT, None)
    replay.append(block, np.arange(rows) % 10)
    return replay


@pytest.fixture(scope="module")
def model() -> DeterministicEnsemble:
    generator = torch.Generator().manual_seed(0)
    made = DeterministicEnsemble(TASK, (32,), 2, False, generator)
    data = transition_data(TASK, filled(800, 0), PalSettings())
    EnsembleFitter(made, 1e-3, 100, generator).fit(data, 400, lambda *_: None)
    return made


def one_step(model: DeterministicEnsemble, replay: Replay) -> float:
    return model_errors(TASK, model, replay, 200)["model_error_one_step"]


@pytest.mark.parametrize("trembling", [0.0, 1e-8, 1e-5, 1e-3, 1e-2])
@pytest.mark.parametrize("columns", [(3,), (2, 3), (0, 1, 2)])
def test_a_column_at_rest_has_no_say(model, columns, trembling):
    moving = one_step(model, filled(200, 1))
    resting = one_step(model, filled(200, 1, columns, trembling))
    assert moving == pytest.approx(0.25, abs=0.03)
    assert 0.5 * moving < resting < 1.5 * moving


def test_where_everything_rests_there_is_no_error_to_tell(model):
    assert model_errors(TASK, model, filled(200, 1, (0, 1, 2, 3)), 200) == {}


def test_careful_actions_are_no_rest():
    """All columns a hundred times smaller than they are known to be: all count."""
    small = 0.01 * torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    assert moving_columns(small, torch.ones(3)).tolist() == [True] * 3
    small[:, 1] = 0.0
    assert moving_columns(small, torch.ones(3)).tolist() == [True, False, True]
    assert moving_columns(small, None).tolist() == [True, False, True]
