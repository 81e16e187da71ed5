"""Answers that servos still owe, so that a late one never passes for the answer to something else.

A status says who sent it and how long it is, not what was asked. Waiting for quiet makes it likely
that nothing is on its way; but a host that was held up, or an adaptor that stalled, may deliver it
later still. What is owed is therefore remembered until it is certain that it has come.
"""


class OwedAnswers:
    """By source (an ID, or the broadcast ID of common answers) and length, what had been asked."""

    def __init__(self) -> None:
        self._asked: dict[int, dict[int, bytes | None]] = {}

    def __bool__(self) -> bool:
        return bool(self._asked)

    def add(self, source: int, length: int, request: bytes) -> None:
        """Note that an answer of `length` data bytes to `request` did not come."""
        asked = self._asked.setdefault(source, {})
        asked[length] = request if asked.get(length, request) == request else None

    def has(self, source: int, length: int) -> bool:
        """Whether an answer of that length is owed."""
        return length in self._asked.get(source, ())

    def confuses(self, source: int, length: int, request: bytes) -> bool:
        """Whether an answer that is owed could pass for the answer to `request`."""
        asked = self._asked.get(source)
        return asked is not None and asked.get(length, request) != request

    def forget(self, source: int) -> None:
        """Note that all that `source` owed has come."""
        self._asked.pop(source, None)
