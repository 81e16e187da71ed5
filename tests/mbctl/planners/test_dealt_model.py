"""Rows that members share are predicted by the members that they were dealt to."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mbctl.planners.dealt_model import DealtModel
from tests.mbctl.planners.point_mass import PointMasses

GAINS = (0.5, 1.0, 1.5, 2.0, 2.5)
ALL = PointMasses(*GAINS)


def rows(members: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    state = torch.randn(members, count, 2, generator=generator)
    return state, torch.randn(members, count, 1, generator=generator)


@given(st.integers(1, len(GAINS)), st.integers(1, 23))
def test_each_row_is_rolled_in_its_own_members(members: int, count: int):
    state, action = rows(members, count)
    found = DealtModel(ALL, members).predict(state, action)
    assert found.shape == state.shape
    for k in range(members):
        for i in range(count):
            member = PointMasses(GAINS[(i + k) % len(GAINS)])
            expected = member.predict(state[k : k + 1, i : i + 1], action[k : k + 1, i : i + 1])
            torch.testing.assert_close(found[k, i], expected[0, 0])


def test_members_have_equal_shares_of_the_work():
    asked = []

    class Counting(PointMasses):
        def predict(self, physical, action):
            asked.append(tuple(physical.shape))
            return super().predict(physical, action)

    DealtModel(Counting(*GAINS), 2).predict(*rows(2, 20))
    assert asked == [(5, 8, 2)]


@pytest.mark.parametrize("members", [0, 6])
def test_more_members_than_there_are_are_refused(members: int):
    with pytest.raises(ValueError, match=rf"{members}.*5 members.*1 to 5"):
        DealtModel(ALL, members)
