"""How long to wait before trying again: exponential with full jitter, so that peers spread out."""

import asyncio
import contextlib
import random

FIRST_S = 0.2
MAX_S = 5.0


class Backoff:
    """Grows with each failure and starts over after a success.

    Attributes:
        failures: in a row.
    """

    def __init__(self, rng: random.Random, first_s: float = FIRST_S, max_s: float = MAX_S) -> None:
        self._rng = rng
        self._first_s = first_s
        self._max_s = max_s
        self.failures = 0

    def succeed(self) -> None:
        """Start over from the shortest wait."""
        self.failures = 0

    def next_s(self) -> float:
        """Seconds to wait after one more failure: between a tenth and all of the present bound."""
        bound = min(self._max_s, self._first_s * 2.0 ** min(self.failures, 16))
        self.failures += 1
        return self._rng.uniform(0.1 * bound, bound)

    async def wait(self, wake: asyncio.Event | None = None) -> None:
        """Wait, or less when `wake` is set."""
        event = wake or asyncio.Event()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), self.next_s())
