"""Mini-batches of real and imagined rows hold the share of each that they should."""

import numpy as np
import pytest
import torch

from mbctl.algorithms.branched.imagined_replay import MixedSource
from mbctl.algorithms.sac.settings import SacSettings
from mbctl.algorithms.sac.transitions import TransitionSource
from mbctl.data.replay import Replay
from tests.conformance.point_mass import LAYOUT, PointMass


def source(reward: float, rows: int = 30) -> TransitionSource:
    """Rows that are told from others by their reward."""
    filled = np.zeros((rows, LAYOUT.width), dtype=np.float32)
    filled[:, LAYOUT.reward] = reward
    replay = Replay(LAYOUT, None)
    replay.append(filled, np.arange(rows))
    return TransitionSource(PointMass(), replay, SacSettings(), None)


@pytest.mark.parametrize(("share", "real"), [(0.05, 13), (0.5, 128), (0.0, 0), (1.0, 256)])
def test_each_batch_holds_the_same_share(share, real):
    mixed = MixedSource(source(1.0), source(-1.0), share)
    assert mixed.real_rows(256) == real
    batch = mixed.draw(256, torch.Generator().manual_seed(0))
    assert batch.observation.shape == (256, 6)
    assert batch.action.shape == (256, 2)
    assert batch.next_observation.shape == (256, 6)
    assert int((batch.reward > 0).sum()) == real
    assert batch.terminated.shape == (256,)


def test_all_real_needs_no_imagined_rows():
    mixed = MixedSource(source(1.0), source(-1.0, rows=0), 1.0)
    assert float(mixed.draw(8, torch.Generator().manual_seed(0)).reward.min()) == 1.0
