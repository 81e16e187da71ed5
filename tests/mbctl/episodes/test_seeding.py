"""An episode's randomness comes from its place in a seeded sequence alone."""

import numpy as np
import pytest

from mbctl.episodes.seeding import PURPOSE_NUMBERS, EpisodeSeed
from protos import common_pb2


def draws(seed: EpisodeSeed) -> list[int]:
    rngs = seed.start_rng(), seed.noise_rng()
    return [*(int(rng.integers(1 << 62)) for rng in rngs), seed.plan_seed()]


def test_it_is_the_same_whenever_it_is_asked_for():
    seed = EpisodeSeed(3, "train", 5)
    assert draws(seed) == draws(EpisodeSeed(3, "train", 5))
    assert len(set(draws(seed))) == 3


@pytest.mark.parametrize(
    "other", [EpisodeSeed(4, "train", 5), EpisodeSeed(3, "evaluate", 5), EpisodeSeed(3, "train", 6)]
)
def test_seed_purpose_and_index_each_make_another_episode(other: EpisodeSeed):
    assert not set(draws(EpisodeSeed(3, "train", 5))) & set(draws(other))


def test_these_are_the_numbers_that_stored_runs_were_drawn_with():
    start = EpisodeSeed(7, "evaluate", 2).start_rng()
    same = np.random.Generator(np.random.PCG64(np.random.SeedSequence([7, 2, 2])))
    assert start.random(4).tolist() == same.random(4).tolist()


def test_purposes_are_numbered_as_on_the_wire():
    wire = dict(common_pb2.EpisodePurpose.items())
    assert {
        name: wire[f"EPISODE_PURPOSE_{name.upper()}"] for name in PURPOSE_NUMBERS
    } == PURPOSE_NUMBERS
