"""Every registered algorithm keeps the contract."""

import pytest

from mbctl.algorithms.registry import ALGORITHMS
from tests.conformance.algorithm import AlgorithmContract, Case
from tests.mbctl.algorithms.cases import CASES


def test_every_registered_algorithm_has_sizes():
    assert set(ALGORITHMS.names()) <= set(CASES), "give sizes for the new algorithm in cases.py"


@pytest.fixture(params=ALGORITHMS.names())
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


class TestEveryAlgorithm(AlgorithmContract):
    pass
