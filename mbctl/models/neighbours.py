"""The nearest other rows of each row, for what can be learned from differences between rows.

Exact, by brute force in blocks: in the ten to fifty dimensions of a model's inputs a tree visits
most of its leaves, and the matrix product behind `torch.cdist` is what the machine does best.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

BLOCK_ENTRIES = 4_000_000  # distances held at a time


def nearest(points: Float[Tensor, "N I"], count: int) -> Int[Tensor, "N n"]:
    """Row numbers of the n nearest other rows of each row, nearest first; n = min(count, N - 1).

    Distances are Euclidean, so columns have to be in units that can be compared. Rows that are the
    same in all columns are neighbours like any others.

    Raises:
        ValueError: there is no other row, or no neighbour is asked for.
    """
    rows = len(points)
    if rows < 2 or count < 1:
        raise ValueError(f"{count} neighbours among {rows} rows; it takes at least 1 among 2")
    wanted = min(count, rows - 1)
    block = max(1, BLOCK_ENTRIES // rows)
    found = []
    for begin in range(0, rows, block):
        distance = torch.cdist(points[begin : begin + block], points)
        own = torch.arange(len(distance), device=points.device)
        distance[own, begin + own] = torch.inf
        found.append(distance.topk(wanted, dim=1, largest=False).indices)
    return torch.cat(found)
