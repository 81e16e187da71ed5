"""GDA and BR: the policy moves in the model as it was, and each on the rows that it should."""

import numpy as np
import pytest
import torch

from mbctl.algorithms.game.simultaneous import Br, Gda, SimultaneousLearner
from mbctl.algorithms.registry import build_algorithm
from mbctl.data.replay import Replay
from mbctl.tasks.registry import make_task

TASK = make_task("dclaw-turn-random")
SMALL = {
    "model_hidden": [16],
    "initial_model_epochs": 5,
    "rollouts": 5,
    "npg_steps": 1,
    "policy_hidden": [8],
    "rows_per_refit": 40,
}
ROWS = 12 * 40  # of the fixture


def make(name: str, **changes: object) -> Gda | Br:
    made = build_algorithm(name, {**SMALL, **changes}, TASK, 0)
    assert isinstance(made, Gda | Br)
    return made


def quiet(phase: str, fraction: float, numbers: dict[str, float]) -> None:
    assert phase in ("REFIT", "IMPROVE")


def predictions(learner: SimultaneousLearner) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    physical = torch.randn(4, 20, 20, generator=generator)
    action = torch.randn(4, 20, 9, generator=generator).clamp(-1, 1)
    return learner.model.predict(physical, action), learner.previous.predict(physical, action)


@pytest.mark.parametrize("name", ["gda", "br"])
def test_the_policy_moves_in_the_model_as_it_was_before_the_refit(name, replay, episodes):
    learner = make(name)
    learner.refit(replay, quiet)
    first, kept = predictions(learner)
    assert torch.equal(first, kept)  # M_0 is all there is
    assert learner.npg.model is learner.previous
    replay.append(episodes[0], np.arange(len(episodes[0])))
    learner.refit(replay, quiet)
    second, kept = predictions(learner)
    assert torch.equal(first, kept)
    assert not torch.allclose(second, kept, atol=1e-3)
    assert torch.equal(learner.previous.residual_scale, learner.model.residual_scale)


def rows_drawn(learner: Gda | Br, replay: Replay, monkeypatch) -> list[int]:
    """How many rows the fitter is given, and how many steps it takes, in the next refit."""
    seen: list[int] = []
    fit = learner.fitter.fit

    def watched(data, steps, progress):
        seen.extend((len(data.physical), steps))
        return fit(data, steps, progress)

    monkeypatch.setattr(learner.fitter, "fit", watched)
    learner.refit(replay, quiet)
    return seen


def test_gda_takes_one_short_pass_over_all_rows(replay, episodes, monkeypatch):
    learner = make("gda", model_batch=100)
    assert rows_drawn(learner, replay, monkeypatch) == [ROWS, 5 * ROWS // 100]
    replay.append(episodes[0], np.arange(40))
    assert rows_drawn(learner, replay, monkeypatch) == [ROWS + 40, (ROWS + 40) // 100]
    capped = make("gda", model_batch=10, model_steps_max=7, initial_model_epochs=1)
    rows_drawn(capped, replay, monkeypatch)
    assert rows_drawn(capped, replay, monkeypatch)[1] == 7


def test_br_fits_to_the_rows_of_the_newest_policy_alone(replay, episodes, monkeypatch):
    learner = make("br", model_batch=20, model_epochs=60)
    assert rows_drawn(learner, replay, monkeypatch)[0] == ROWS
    for rows in episodes[:2]:
        replay.append(rows, np.arange(len(rows)))
    assert rows_drawn(learner, replay, monkeypatch) == [80, 60 * 80 // 20]
    # Asked again without new rows, it takes as many as a refit has.
    assert rows_drawn(learner, replay, monkeypatch)[0] == 40


def test_a_state_between_the_moves_holds_both_models(replay, episodes):
    straight, resumed = make("gda"), make("gda", npg_steps=1)
    straight.refit(replay, quiet)
    replay.append(episodes[0], np.arange(40))
    straight.refit(replay, quiet)
    resumed.load_state(straight.state())
    for mine, theirs in zip(predictions(straight), predictions(resumed), strict=True):
        assert torch.equal(mine, theirs)
    state = straight.state()
    del state["previous.input_scale"]
    with pytest.raises(ValueError, match=r"lacks 'previous\.input_scale"):
        resumed.load_state(state)
