from itertools import pairwise

import pytest

from mbctl.algorithms.sac.transitions import updates_due, updates_due_after_first_rows


@pytest.mark.parametrize("borders", [(0, 100), (0, 7, 8, 100), (0, 33, 66, 100)])
def test_any_division_of_rows_is_due_the_same(borders: tuple[int, ...]):
    moves = pairwise(borders)
    assert sum(updates_due(0.37, 20, before, rows) for before, rows in moves) == 37


def test_without_new_rows_a_refit_is_due_its_own():
    assert updates_due(2.0, 20, 60, 60) == 40
    assert updates_due(0.01, 20, 60, 60) == 1


def test_first_rows_may_be_due_no_more_than_one_refit():
    assert updates_due_after_first_rows(2.0, 20, 0, 5000) == 40
    assert updates_due_after_first_rows(2.0, 20, 5000, 5030) == 60
