"""Every registered algorithm keeps the contract."""

import pytest

from mbctl.algorithms.game.settings import PalSettings
from mbctl.algorithms.registry import ALGORITHMS
from mbctl.algorithms.sac.settings import SacSettings
from mbctl.algorithms.settings import AlgorithmSettings
from tests.conformance.algorithm import AlgorithmContract, Case
from tests.mbctl.algorithms.cases import CASES, ROWS, SMALL_ACTOR_CRITIC, SMALL_GAME, family_case


class NewGame(PalSettings):
    """Settings of an algorithm that is told of nowhere else."""


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [(NewGame, SMALL_GAME), (AlgorithmSettings, ROWS), (SacSettings, SMALL_ACTOR_CRITIC)],
)
def test_an_algorithm_without_sizes_takes_those_of_its_family(settings, sizes):
    assert family_case("new", settings).settings == sizes


@pytest.fixture(params=ALGORITHMS.names())
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


class TestEveryAlgorithm(AlgorithmContract):
    pass
