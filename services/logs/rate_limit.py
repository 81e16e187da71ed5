"""Events that others can cause at will: some are logged, the others counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.logs.fields import Scalar

PERIOD_S = 10.0
KINDS_MAX = 256

Kind = tuple[Scalar, ...]


@dataclass(frozen=True)
class Limit:
    """Of one event: so many in each PERIOD_S.

    Attributes:
        burst: how many.
        fields: that make two of them the same kind; each kind is counted by itself.
    """

    burst: int
    fields: tuple[str, ...] = ()


LIMITS: Mapping[Scalar, Limit] = {
    "call_refused": Limit(10, ("method", "reason")),
    "call_failed": Limit(10, ("method",)),
    "emergency_stop": Limit(10),
    "output": Limit(200),
}


@dataclass
class _Window:
    end_s: float
    seen: int = 0


class RateLimit:
    """Lets so many events of a kind pass in each period; one thread uses it."""

    def __init__(self, limits: Mapping[Scalar, Limit] = LIMITS, period_s: float = PERIOD_S) -> None:
        self._limits = limits
        self._period_s = period_s
        self._windows: dict[Kind, _Window] = {}

    def admits(self, event: Mapping[str, Scalar], now_s: float) -> bool:
        """Whether this event is to be logged."""
        name = event.get("event")
        limit = self._limits.get(name)
        if limit is None:
            return True
        kind = (name, *(event.get(field) for field in limit.fields))
        if kind not in self._windows and len(self._windows) >= KINDS_MAX:
            kind = (name,)
        window = self._windows.setdefault(kind, _Window(now_s + self._period_s))
        window.seen += 1
        return window.seen <= limit.burst

    def settle(self, now_s: float) -> Iterator[dict[str, Scalar]]:
        """Events that tell what was held back in the periods that are over; `inf` ends all."""
        for kind in [kind for kind, window in self._windows.items() if window.end_s <= now_s]:
            limit = self._limits[kind[0]]
            held_back = self._windows.pop(kind).seen - limit.burst
            if held_back > 0:
                fields = dict(zip(limit.fields, kind[1:], strict=False))
                yield {"event": "log_rate_limited", "of": kind[0], "count": held_back, **fields}
