"""Calls that are open, counted by peer: no peer takes all places, and streams take none of calls'.

A stream may idle for ever, a call ends within its deadline. Were they counted together, watchers
that nobody looks at could keep everybody else from calling.
"""

import contextlib
import ipaddress
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import grpc.aio

from services.errors import refusal


@dataclass(frozen=True)
class CallLimits:
    """How many may be open at once.

    Attributes:
        calls: with one answer, of all peers.
        streams: of all peers.
        peer_calls, peer_streams: of one peer.
    """

    calls: int = 256
    streams: int = 256
    peer_calls: int = 64
    peer_streams: int = 64


class OpenCalls:
    """Places for calls and for streams."""

    def __init__(self, limits: CallLimits) -> None:
        self._places = {
            "calls": _Places("calls", limits.calls, limits.peer_calls),
            "streams": _Places("streams", limits.streams, limits.peer_streams),
        }

    @contextlib.contextmanager
    def place(self, peer: str, *, is_stream: bool) -> Iterator[None]:
        """Take a place for the length of the block.

        Args:
            peer: who calls; "" for one that cannot be told from others.

        Raises:
            ServiceError: TOO_MANY_CALLS.
        """
        places = self._places["streams" if is_stream else "calls"]
        places.take(peer)
        try:
            yield
        finally:
            places.give_back(peer)


class _Places:
    def __init__(self, kind: str, total_max: int, peer_max: int) -> None:
        self._kind = kind
        self._total_max = total_max
        self._peer_max = peer_max
        self._taken: Counter[str] = Counter()

    def take(self, peer: str) -> None:
        self._check(self._taken.total(), self._total_max, "")
        if peer:
            self._check(self._taken[peer], self._peer_max, " from this peer")
        self._taken[peer] += 1

    def give_back(self, peer: str) -> None:
        self._taken[peer] -= 1
        if not self._taken[peer]:
            del self._taken[peer]

    def _check(self, taken: int, limit: int, whose: str) -> None:
        if taken >= limit:
            raise refusal(
                "TOO_MANY_CALLS",
                f"{taken} {self._kind}{whose} are open, the limit is {limit}; "
                "end some, or try again later",
            )


def peer_of(context: grpc.aio.ServicerContext) -> str:
    """Certificate and host of a caller; on this machine's loopback its connection; "" on a unix
    socket, whose callers cannot be told apart.
    """
    address = unquote(context.peer())
    kind, _, rest = address.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    host = rest.rpartition(":")[0].strip("[]")
    if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        return address
    names = context.peer_identities() or ()
    return " ".join([host, *sorted(name.decode(errors="replace") for name in names)])
