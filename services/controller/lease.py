"""Who may command the robot: one lease, kept alive by heartbeats, fenced by an epoch.

The book keeps the rules; the control process enforces the deadline by itself from a shared word, so
that a stalled service process cannot keep a robot moving for a client that has gone.
"""

import hmac
import math
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protos import controller_pb2
from services.errors import invalid_field, refusal
from services.interceptors import Context, Unary, UnaryGuard, marked_methods

WINDOW_MIN_S = 0.2
WINDOW_MAX_S = 60.0
WINDOW_DEFAULT_S = 2.0
OWNER_MAX = 64
PAST_TOKENS = 256
NO_LEASE = 0  # in the deadline word

Publish = Callable[[int], None]
NowNs = Callable[[], int]


@dataclass(frozen=True)
class Lease:
    """A granted lease.

    Attributes:
        token: secret that goes with every commanding call.
        epoch: counts grants; a higher one fences off all lower ones.
        window_s: heartbeats must be closer together than this.
        deadline_ns: monotonic time at which it lapses.
    """

    token: str
    owner: str
    epoch: int
    window_s: float
    deadline_ns: int

    def remaining_s(self, now_ns: int) -> float:
        return max(0.0, (self.deadline_ns - now_ns) / 1e9)


class LeaseBook:
    """Grants, renews and ends the lease; `publish` writes the deadline word."""

    def __init__(self, publish: Publish, now_ns: NowNs) -> None:
        self._publish = publish
        self._now_ns = now_ns
        self._lease: Lease | None = None
        self._epoch = 0
        self._past: deque[str] = deque(maxlen=PAST_TOKENS)

    @property
    def current(self) -> Lease | None:
        """The live lease; None once its deadline has passed."""
        if self._lease is not None and self._now_ns() >= self._lease.deadline_ns:
            self._end()
        return self._lease

    def acquire(self, owner: str, window_s: float, take: bool) -> Lease:
        """Grant a new lease.

        Raises:
            ServiceError: owner or window out of range; LEASE_HELD by another and not `take`.
        """
        _check_owner(owner)
        window_s = _checked_window(window_s)
        held = self.current
        if held is not None and not take:
            remaining = held.remaining_s(self._now_ns())
            raise refusal(
                "LEASE_HELD",
                f"{held.owner!r} holds the lease for another {remaining:.1f} s unless renewed; "
                "wait, or take it over: --take, or take = true in the request",
                owner=held.owner,
            )
        if held is not None:
            self._past.append(held.token)
        self._epoch += 1
        token = secrets.token_hex(16)
        return self._keep(Lease(token, owner, self._epoch, window_s, self._deadline(window_s)))

    def retain(self, token: str) -> Lease:
        """Renew the lease from now on.

        Raises:
            ServiceError: LEASE_REQUIRED or LEASE_LOST.
        """
        held = self.check(token)
        deadline_ns = self._deadline(held.window_s)
        return self._keep(Lease(held.token, held.owner, held.epoch, held.window_s, deadline_ns))

    def give_back(self, token: str) -> None:
        """End the lease; a robot that is active stops.

        Raises:
            ServiceError: LEASE_REQUIRED or LEASE_LOST.
        """
        self.check(token)
        self._end()

    def check(self, token: str) -> Lease:
        """The live lease, if `token` is its token.

        Raises:
            ServiceError: LEASE_REQUIRED without a token or with one never granted; LEASE_LOST when
                it lapsed, was returned or taken over.
        """
        held = self.current
        if held is not None and hmac.compare_digest(held.token.encode(), token.encode()):
            return held
        if token and any(hmac.compare_digest(p.encode(), token.encode()) for p in self._past):
            now = f"{held.owner!r} holds it now" if held else "nobody holds it now"
            raise refusal("LEASE_LOST", f"this lease lapsed or was taken over; {now}")
        raise refusal(
            "LEASE_REQUIRED",
            "no lease: acquire one with AcquireLease and send its token as lease_token",
            [("lease_token", "unknown" if token else "empty")],
        )

    def _deadline(self, window_s: float) -> int:
        return self._now_ns() + int(window_s * 1e9)

    def _keep(self, lease: Lease) -> Lease:
        self._lease = lease
        self._publish(lease.deadline_ns)
        return lease

    def _end(self) -> None:
        if self._lease is not None:
            self._past.append(self._lease.token)
        self._lease = None
        self._publish(NO_LEASE)


def _check_owner(owner: str) -> None:
    if not 0 < len(owner) <= OWNER_MAX or not owner.isprintable():
        raise invalid_field("owner", owner, f"1 to {OWNER_MAX} printable characters")


def _checked_window(window_s: float) -> float:
    if window_s == 0.0:
        return WINDOW_DEFAULT_S
    if not math.isfinite(window_s) or not WINDOW_MIN_S <= window_s <= WINDOW_MAX_S:
        raise invalid_field("window_s", window_s, f"{WINDOW_MIN_S:g} to {WINDOW_MAX_S:g}, or 0")
    return window_s


class LeaseGuard(UnaryGuard):
    """Checks `lease_token` before the handler of a method marked `lease_required` runs."""

    def __init__(self, lease: LeaseBook) -> None:
        self._lease = lease
        self._leased = marked_methods(controller_pb2.lease_required)

    def guards(self, method: str) -> bool:
        return method in self._leased

    async def call(self, behaviour: Unary, request: Any, context: Context) -> Any:
        self._lease.check(request.lease_token)
        return await behaviour(request, context)
