"""Clients and leases for verbs."""

import contextlib
import getpass
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mbctl.cli import render
from services import exit_codes

if TYPE_CHECKING:
    from services.client import ControllerClient, HeldLease, TrainerClient


@dataclass(frozen=True)
class TlsDirectory:
    """The files in a directory given with --tls."""

    directory: Path

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.directory / "key.pem"

    @property
    def client_ca(self) -> Path | None:
        path = self.directory / "ca.pem"
        return path if path.is_file() else None


def controller(target: str, tls: Path | None) -> "ControllerClient":
    """A client of the controller at `target`."""
    from services.client import ControllerClient

    _check_target(target)
    return ControllerClient(target, _tls(tls))


def trainer(target: str, tls: Path | None) -> "TrainerClient":
    """A client of the trainer at `target`."""
    from services.client import TrainerClient

    _check_target(target)
    return TrainerClient(target, _tls(tls))


@contextlib.contextmanager
def commanding(
    client: "ControllerClient", verb: str, token: str = "", take: bool = False
) -> Iterator["HeldLease"]:
    """Hold a lease for the block: a new one, or the one with this token, which is kept alive and
    not given back."""
    if token:
        with client.keep_lease(token) as held:
            yield held
        return
    with client.lease(owner_name(verb), take=take) as held:
        yield held


def owner_name(verb: str) -> str:
    """Who commands, as others will see it."""
    return f"mbctl {verb} by {getpass.getuser()}@{socket.gethostname()}"[:64]


def confirm_motion(client: "ControllerClient", what: str, yes: bool) -> None:
    """Say what will move; a real robot asks first, or needs --yes where nobody can be asked."""
    from mbctl.config import SIMULATED_BACKENDS

    status = client.status()
    render.note(f"{status.robot} ({status.model}, {status.backend}) {what}")
    if yes or status.backend in SIMULATED_BACKENDS:
        return
    if not sys.stdin.isatty():
        render.note("error: this moves a real robot: pass --yes")
        raise typer.Exit(exit_codes.USAGE)
    if not typer.confirm("Is everybody clear of it?"):
        raise typer.Exit(exit_codes.USAGE)


def _tls(directory: Path | None) -> TlsDirectory | None:
    from mbctl.config import ConfigError

    if directory is None:
        return None
    files = TlsDirectory(directory)
    for path in (files.certificate, files.key):
        if not path.is_file():
            raise ConfigError(f"--tls {directory}: {path.name} is missing there")
    return files


def _check_target(target: str) -> None:
    from mbctl.config import ConfigError
    from mbctl.config.address import check_address

    try:
        check_address(target)
    except ValueError as error:
        raise ConfigError(f"--target: {error}") from error
