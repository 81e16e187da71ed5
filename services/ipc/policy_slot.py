"""Hands policy snapshots to the control process, which takes them when its step allows."""

from typing import NamedTuple

from services.ipc.latest_value import LatestValue


class SlotContent(NamedTuple):
    """A packed snapshot and when to swap it in.

    Attributes:
        generation: counts what was put into the slot.
        at_step: swap between two steps of an episode; otherwise between two episodes.
        packed: what mbctl.policies.snapshot.pack_snapshot made.
    """

    generation: int
    at_step: bool
    packed: bytes


class PolicySlot:
    """The newest snapshot; the service process writes, the control process reads."""

    def __init__(self, memory: memoryview) -> None:
        self._latest = LatestValue(memory)

    @property
    def generation(self) -> int:
        """Snapshots put in so far."""
        return self._latest.generation

    def publish(self, packed: bytes, *, at_step: bool = False) -> int:
        """Put in a packed snapshot; return its generation.

        Raises:
            ValueError: it is larger than the slot.
        """
        return self._latest.publish(bytes([at_step]) + packed)

    def take(self, after_generation: int) -> SlotContent | None:
        """The newest content, or None when it is not newer than `after_generation`."""
        if self._latest.generation <= after_generation:
            return None
        found = self._latest.read()
        if found is None:
            return None
        generation, value = found
        return SlotContent(generation, bool(value[0]), value[1:])
