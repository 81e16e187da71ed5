"""Addresses that daemons listen on and clients call: host:port or unix:PATH."""

import ipaddress
from dataclasses import dataclass

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_UNIX = ("unix:", "unix-abstract:")


@dataclass(frozen=True)
class Address:
    """Marks a str field that must be an address.

    Attributes:
        optional: it may be the empty string.
        unix: it may be a unix socket.
    """

    optional: bool = False
    unix: bool = True

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: str) -> str:
        if not (self.optional and value == ""):
            check_address(value)
            if value.startswith(_UNIX) and not self.unix:
                raise ValueError("is reached through host:port only, not through a unix socket")
        return value


def check_address(address: str) -> None:
    """Accept `host:port` (port 0 to 65535; 0 picks a free one), `unix:PATH` or
    `unix-abstract:NAME`.

    Raises:
        ValueError: it is neither.
    """
    if address.startswith(_UNIX):
        if not address.partition(":")[2]:
            raise ValueError(f"{address!r} names no socket: expected unix:PATH")
        return
    host, separator, port = address.rpartition(":")
    if not (separator and host and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(
            f"{address!r} is not an address: expected host:port with a port from 0 to 65535, "
            "or unix:PATH"
        )


def needs_tls(address: str) -> bool:
    """Whether other machines can reach this listen address."""
    if address.startswith(_UNIX):
        return False
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
