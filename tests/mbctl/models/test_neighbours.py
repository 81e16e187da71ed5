"""Nearest rows, against sorting and where blocks meet."""

import pytest
import torch

from mbctl.models import neighbours
from mbctl.models.neighbours import nearest


@pytest.fixture
def points() -> torch.Tensor:
    return torch.randn(57, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("block_entries", [1, 57 * 10, 10**6])
def test_agrees_with_sorting_all_distances(points, block_entries, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK_ENTRIES", block_entries)
    distance = (points[:, None] - points[None]).square().sum(dim=-1)
    distance.fill_diagonal_(torch.inf)
    assert torch.equal(nearest(points, 5), distance.argsort(dim=1)[:, :5])


def test_a_line_has_its_neighbours_left_and_right():
    found = nearest(torch.tensor([[0.0], [1.0], [3.0], [3.5]]), 2)
    assert found.tolist() == [[1, 2], [0, 2], [3, 1], [2, 1]]


def test_a_row_is_not_its_own_neighbour_but_its_double_is():
    found = nearest(torch.tensor([[1.0, 2.0], [5.0, 5.0], [1.0, 2.0]]), 1)
    assert found[0].item() == 2
    assert found[2].item() == 0


def test_there_are_no_more_neighbours_than_other_rows(points):
    assert nearest(points[:4], 10).shape == (4, 3)


@pytest.mark.parametrize(("rows", "count"), [(1, 3), (0, 1), (5, 0)])
def test_too_little_to_be_a_neighbour_is_refused(points, rows, count):
    with pytest.raises(ValueError, match=rf"{count} neighbours among {rows} rows"):
        nearest(points[:rows], count)
