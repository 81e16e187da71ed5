"""Where daemons listen and clients call, and the certificates with which they do so.

Certificate files are looked at before anything relies on them: a peer would only say that the
connection was closed.
"""

import base64
import binascii
import ipaddress
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import FilePath, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from mbctl.config.errors import ConfigError
from mbctl.config.typed import Frozen

Role = Literal["server", "client"]

_ED_KEYS = (b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x71")  # OIDs of Ed25519 and Ed448
_ALGORITHM_WITHIN = 16  # bytes from the start of a PKCS #8 key
_ROUNDS_MAX = 10  # of a handshake; four are needed
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


Listen = Annotated[str, Address()]
OptionalListen = Annotated[str, Address(optional=True)]
MetricsListen = Annotated[str, Address(optional=True, unix=False)]


class TlsConfig(Frozen):
    """Certificate files of one end of a connection, PEM; each must exist."""

    certificate: FilePath
    key: FilePath
    client_ca: FilePath | None = None
    """Authority of the other end: a server with it demands a certificate from its clients, and a
    client trusts servers that it signed. Without it a client trusts its own certificate only."""


def check_listens(listen: str, metrics: str, tls: TlsConfig | None) -> None:
    """Pass when both addresses are on this machine, or `tls` guards them."""
    _check_tls("listen", listen, tls)
    if not metrics:
        return
    _check_tls("metrics_listen", metrics, tls)
    if metrics == listen and not listen.endswith(":0"):
        raise ValueError(f"metrics_listen = {metrics!r} is also listen: it needs a port of its own")


def _check_tls(key: str, listen: str, tls: TlsConfig | None) -> None:
    if tls is None and needs_tls(listen):
        raise ValueError(
            f"{key} = {listen!r} is not a loopback address: set tls.certificate and "
            "tls.key, or listen on 127.0.0.1 or unix:PATH"
        )


class TlsFiles(Protocol):
    """Paths of PEM files."""

    @property
    def certificate(self) -> Path: ...
    @property
    def key(self) -> Path: ...
    @property
    def client_ca(self) -> Path | None: ...


def check_tls(where: str, files: TlsFiles, role: Role) -> None:
    """Make sure that a certificate, its key and the other end's authority can be used today.

    Args:
        where: key of the configuration, for the message.
        role: what the certificate is shown as.

    Raises:
        ConfigError: names the file, what is wrong with it, and what would be right.
    """
    certificate, key = f"{where}.certificate = {files.certificate}", f"{where}.key = {files.key}"
    _check_text(certificate, files.certificate)
    _check_text(key, files.key)
    _check_certificates(certificate, files.certificate)
    _check_key(key, files)
    _check_handshake(certificate, files, role)
    if files.client_ca is not None:
        authority = f"{where}.client_ca = {files.client_ca}"
        _check_text(authority, files.client_ca)
        _check_authority(authority, _check_certificates(authority, files.client_ca))


def _check_text(what: str, path: Path) -> None:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{what}: cannot be read: {error.strerror}") from error
    if b"-----BEGIN " not in text:
        raise ConfigError(f"{what}: is no PEM file: nothing in it begins with -----BEGIN")


def _check_certificates(what: str, path: Path) -> ssl.SSLContext:
    """A context that trusts what is in the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise ConfigError(
            f"{what}: holds no certificate that reads ({_reason(error)}); expected a PEM block "
            "that begins with -----BEGIN CERTIFICATE-----"
        ) from error
    return context


def _check_key(what: str, files: TlsFiles) -> None:
    text = files.key.read_bytes()
    if b"ENCRYPTED" in text:
        raise ConfigError(
            f"{what}: is encrypted, and nobody is there to type its passphrase; store it without "
            "one, readable by this user alone"
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"{what}: does not belong to certificate {files.certificate}; the two must be "
                "made together"
            ) from error
        raise ConfigError(
            f"{what}: holds no private key that reads ({_reason(error)}); expected a PEM block "
            "that begins with -----BEGIN PRIVATE KEY-----"
        ) from error
    if any(oid in _first_block(text)[:_ALGORITHM_WITHIN] for oid in _ED_KEYS):
        raise ConfigError(
            f"{what}: is an Edwards curve's, which gRPC does not take; make one of P-256 or RSA"
        )


def _check_handshake(what: str, files: TlsFiles, role: Role) -> None:
    """Show the certificate to somebody who trusts it: dates and purpose remain to be judged."""
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if role == "server" else ssl.PROTOCOL_TLS_CLIENT)
    sees = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if role == "server" else ssl.PROTOCOL_TLS_SERVER)
    for context in (shows, sees):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(files.certificate, files.key)
    sees.verify_mode = ssl.CERT_REQUIRED
    sees.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it may be its own authority
    sees.load_verify_locations(files.certificate)
    try:
        _shake_hands(shows, sees, role)
    except ssl.SSLCertVerificationError as error:
        today = time.strftime("%Y-%m-%d %H:%M")
        raise ConfigError(
            f"{what}: {error.verify_message}; by this machine's clock it is {today}"
        ) from error


def _shake_hands(shows: ssl.SSLContext, sees: ssl.SSLContext, role: Role) -> None:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        shows.wrap_bio(there, back, server_side=role == "server"),
        sees.wrap_bio(back, there, server_side=role == "client"),
    ]
    for _ in range(_ROUNDS_MAX):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


def _check_authority(what: str, context: ssl.SSLContext) -> None:
    for known in context.get_ca_certs():
        until = str(known["notAfter"])
        if ssl.cert_time_to_seconds(until) < time.time():
            raise ConfigError(f"{what}: holds an authority that was valid until {until} only")


def _first_block(text: bytes) -> bytes:
    """What the first PEM block holds; nothing where it does not read."""
    lines = text.partition(b"-----BEGIN ")[2].splitlines()[1:]
    body = b"".join(line for line in lines[: _end_of(lines)])
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _end_of(lines: list[bytes]) -> int:
    return next((i for i, line in enumerate(lines) if line.startswith(b"-----END ")), len(lines))


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
