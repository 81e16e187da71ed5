"""Every algorithm and every planner on a device that is not the CPU gives what the CPU gives.

`tests/conformance/elsewhere.py` is that device: a tensor that is left behind is an error there.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import mbctl.algorithms.torch_learner as torch_learner
import mbctl.planners.agent as agent_module
from mbctl.algorithms.branched import slope_penalty
from mbctl.algorithms.registry import ALGORITHMS
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.planners.agent import agent_of
from mbctl.planners.planner import Plan
from mbctl.planners.search import build_planner
from mbctl.planners.settings import PLANNERS, search_settings
from tests.conformance.algorithm import TASK, as_bytes, filled, move, snapshot_of
from tests.conformance.elsewhere import CPU, ELSEWHERE, Away, LeftBehindError, elsewhere
from tests.mbctl.algorithms.cases import CASES

START = np.array([0.5, -0.2, 0.1, 0.0]), np.zeros(2), np.array([0.1, 0.3])  # with last action, goal


def near_enough(function: Any, inputs: Tensor, directions: Tensor) -> Tensor:
    """In the place of `projections`, which no dispatch mode sees into; of its shape."""
    return function(inputs)[..., None, :] * directions.sum(dim=-1, keepdim=True)


def same(one: Plan, other: Plan) -> bool:
    return np.array_equal(one.actions, other.actions) and one.value == other.value


# torch takes it for its own device without data, on which copies do nothing; here they do.
@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
@pytest.mark.parametrize("name", [n for n in ALGORITHMS.names() if n in CASES])
def test_a_learner_leaves_no_tensor_behind(name, monkeypatch):
    monkeypatch.setattr(slope_penalty, "projections", near_enough)
    case = CASES[name]
    here = case.build(0)
    replay = filled(here, name, here.settings.initial_rows)
    metrics = move(here, replay)
    with elsewhere(monkeypatch, torch_learner, agent_module):
        away = case.build(0)
        assert move(away, replay) == metrics
        state, snapshot = away.state(), snapshot_of(away, name)
        resumed = case.build(1)
        resumed.load_state(here.state())
        assert as_bytes(resumed.state()) == as_bytes(state)
        planned = snapshot.manifest.policy.planner is not None
        found = agent_of(snapshot, TASK).plan_next(*_asked()) if planned else None
    assert all(type(tensor) is Tensor for tensor in state.values())
    assert as_bytes(state) == as_bytes(here.state())
    if found is not None:
        assert same(found, agent_of(snapshot_of(here, name), TASK).plan_next(*_asked()))


def _asked() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    physical, action, goal = START
    return physical, goal, action


@pytest.mark.parametrize("disagreement", ["return", "state"])
@pytest.mark.parametrize("method", PLANNERS.names())
def test_a_planner_leaves_no_tensor_behind(method, disagreement, monkeypatch):
    small = {"horizon": 4, "population": 12, "iterations": 2, "disagreement": disagreement}
    settings = search_settings({"method": method, **small, "disagreement_weight": -0.1})

    def plans(device: torch.device) -> list[Plan]:
        model = DeterministicEnsemble(TASK, (8,), 2, False, torch.Generator(device).manual_seed(1))
        planner = build_planner(TASK, model, settings, 0, device=device)
        return [planner.plan(*START) for _ in range(2)]

    here = plans(CPU)
    with elsewhere(monkeypatch):
        away = plans(ELSEWHERE)
    assert all(same(one, other) for one, other in zip(here, away, strict=True))


def test_what_is_left_behind_is_found(monkeypatch):
    with elsewhere(monkeypatch):
        there = torch.ones(3, device=ELSEWHERE)
        assert isinstance(there, Away)
        assert there.device == ELSEWHERE
        assert float((2 * there).sum()) == 6.0
        with pytest.raises(LeftBehindError, match=r"add.* two devices"):
            there + torch.ones(3)
        with pytest.raises(LeftBehindError, match="index"):
            torch.ones(3)[torch.zeros(2, dtype=torch.long, device=ELSEWHERE)]
        with pytest.raises((TypeError, RuntimeError)):
            there.numpy()
        assert there.cpu().numpy().tolist() == [1.0, 1.0, 1.0]
        assert type(there.cpu()) is Tensor
