"""Which episode: everything random in it comes from (seed, purpose, index) alone."""

from dataclasses import dataclass

import numpy as np

from mbctl.data.episode_id import episode_id

TRAIN, EVALUATE = 1, 2  # as EpisodePurpose in the wire format
PURPOSE_NUMBERS = {"train": TRAIN, "evaluate": EVALUATE}


@dataclass(frozen=True, slots=True)
class EpisodeSeed:
    """Which episode of a seeded sequence.

    Attributes:
        seed: of the whole sequence.
        purpose: "train" or "evaluate"; each has a sequence of its own.
        index: position in it, from 0.
    """

    seed: int
    purpose: str
    index: int

    @property
    def episode_id(self) -> str:
        """Unique per robot and run, such as "t00000012"."""
        return episode_id(self.purpose, self.index)

    def start_rng(self) -> np.random.Generator:
        """Draws the start, then the goal."""
        return np.random.Generator(np.random.PCG64(self._sequence()))

    def noise_rng(self) -> np.random.Generator:
        """Draws the noise of the policy's exploration."""
        noise, _ = self._sequence().spawn(2)
        return np.random.Generator(np.random.PCG64(noise))

    def plan_seed(self) -> int:
        """Of all that a planner draws in this episode, in [0, 2**63)."""
        _, plans = self._sequence().spawn(2)
        return int(plans.generate_state(1, np.uint64)[0] >> np.uint64(1))

    def _sequence(self) -> np.random.SeedSequence:
        return np.random.SeedSequence([self.seed, PURPOSE_NUMBERS[self.purpose], self.index])
