"""Planners of the point mass, by the method's name."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mbctl.planners.objective import DealtModel, SequenceObjective, TerminalValue
from mbctl.planners.proposal import ActionPrior, PolicyProposal
from mbctl.planners.search import SamplingPlanner, Sizes
from mbctl.planners.settings import PLANNERS, search_settings
from tests.mbctl.planners.point_mass import PointMass, PointMasses

PlannerFactory = Callable[..., SamplingPlanner]

# Enough to settle on the optimum of a quadratic.
SIZES: dict[str, dict[str, Any]] = {
    "cem": {"elites": 12, "minimum_std": 0.0},
    "icem": {"elites": 12, "minimum_std": 0.0, "noise_beta": 1.0},
    "mppi": {"noise_beta": 1.0, "temperature": 0.05, "initial_std": 0.2},
}


def planner_of(
    method: str,
    model: PointMasses,
    prior: ActionPrior | None = None,
    terminal_value: TerminalValue | None = None,
    now_ns: Callable[[], int] = lambda: 0,
    seed: int = 0,
    **settings: Any,
) -> SamplingPlanner:
    """A planner with the settings above, changed by `settings`."""
    task, generator = PointMass(), torch.Generator().manual_seed(seed)
    chosen = {"horizon": 8, "population": 100, "iterations": 8, "proposals": 6}
    chosen |= SIZES.get(method, {}) | settings
    checked = search_settings({"method": method, **chosen})
    search = checked.search_method(generator)
    rest = task.reward, checked.gamma, checked.disagreement_weight, None, terminal_value
    objective = SequenceObjective(task, model, *rest)
    dealt, screen = checked.members_per_sequence, None
    if dealt:
        screen = SequenceObjective(task, DealtModel(model, dealt), *rest)
    proposal = None
    if prior is not None:
        proposal = PolicyProposal(task, model, prior, checked.proposals, generator)
    sizes = Sizes(2, 1, 1)
    return SamplingPlanner(
        sizes, objective, search, proposal, checked, now_ns, generator=None, screen=screen
    )


@pytest.fixture(params=PLANNERS.names())
def method(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def make_planner() -> PlannerFactory:
    return planner_of
