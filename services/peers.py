"""Who is calling, as far as it can be told."""

import ipaddress
from urllib.parse import unquote

import grpc.aio


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
