"""Clients and leases for verbs."""

import contextlib
import getpass
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import typer

from mbctl import exit_codes
from mbctl.cli import printer
from mbctl.cli.estop import DEFAULT_TARGET
from mbctl.cli.tls_directory import TlsDirectory, tls_directory

if TYPE_CHECKING:
    from services.client import ControllerClient, HeldLease, TrainerClient
    from services.local_daemons import LocalDaemon

USUAL_CONTROLLER = DEFAULT_TARGET
USUAL_TRAINER = "127.0.0.1:50052"


def controller(target: str, tls: Path | None) -> "ControllerClient":
    """A client of the controller at `target`, or of the one that runs here."""
    from services.client import ControllerClient
    from services.local_daemons import CONTROLLER

    target = target or local_target(CONTROLLER, USUAL_CONTROLLER)
    check_target(target)
    return ControllerClient(target, _checked_tls(tls))


def trainer(target: str, tls: Path | None) -> "TrainerClient":
    """A client of the trainer at `target`, or of the one that runs here."""
    from services.client import TrainerClient
    from services.local_daemons import TRAINER

    target = target or local_target(TRAINER, USUAL_TRAINER)
    check_target(target)
    return TrainerClient(target, _checked_tls(tls))


def local_target(kind: str, usual: str) -> str:
    """The address of the one `kind` of daemon that runs here; `usual` where there is none.

    Raises:
        ConfigError: TARGET_UNCLEAR; there are several, which are listed; or it does not serve yet.
    """
    from mbctl.config import ConfigError
    from services.local_daemons import local_daemons

    found = local_daemons(kind)
    if not found:
        return usual
    if len(found) > 1:
        lines = "".join(f"\n  {_line(daemon)}" for daemon in found)
        message = f"{len(found)} {kind}s run here, say which one is meant:{lines}"
        raise ConfigError(message, reason="TARGET_UNCLEAR")
    (daemon,) = found
    if not daemon.address:
        message = f"the {kind} of {daemon.name} does not serve yet: try again"
        raise ConfigError(message, reason="TARGET_UNCLEAR")
    return daemon.address


def _line(daemon: "LocalDaemon") -> str:
    target = f"--target {quote(daemon.address)}" if daemon.address else "does not serve yet"
    return f"{target}  {daemon.name}, process {daemon.pid}, {daemon.run_dir}"


def _checked_tls(directory: Path | None) -> TlsDirectory | None:
    """The directory's files; a peer that refuses them would only close the connection."""
    files = tls_directory(directory)
    if files is not None:
        from mbctl.config.endpoints import check_tls

        check_tls("--tls", files, "client")
    return files


def answer(
    client: "ControllerClient | TrainerClient", plain: Any, text: str, as_json: bool
) -> None:
    """Print what a daemon answered, and which daemon it was."""
    who = client.caller.answered_by
    named = [who | row for row in plain] if isinstance(plain, list) else who | plain
    between = "\n" if "\n" in text else " "
    printer.result(named, f"{printer.whose(who)}:{between}{text}", as_json)


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
    from services.client.lease import lease_window_s

    window_s = lease_window_s(client.status().clock)
    with client.lease(owner_name(verb), window_s, take) as held:
        yield held


def owner_name(verb: str) -> str:
    """Who commands, as others will see it."""
    return f"mbctl {verb} by {_user()}@{socket.gethostname()}"[:64]


def _user() -> str:
    """The user's name, or number: in a container there may be no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def confirm_motion(client: "ControllerClient", what: str, yes: bool) -> None:
    """Say what will move; a real robot asks first, or needs --yes where nobody can be asked."""
    from hal.backends import is_simulated

    status = client.status()
    at = client.caller.target
    printer.note(f"{status.robot} at {at} ({status.model}, {status.backend}) {what}")
    if yes or is_simulated(status.backend):
        return
    if not sys.stdin.isatty():
        printer.note("error: this moves a real robot: pass --yes")
        raise typer.Exit(exit_codes.USAGE)
    if not typer.confirm("Is everybody clear of it?"):
        raise typer.Exit(exit_codes.USAGE)


def check_target(target: str) -> None:
    """Pass when `target` is an address; a usage error says what is wrong with it."""
    from mbctl.config import ConfigError
    from mbctl.config.endpoints import check_address

    try:
        check_address(target)
    except ValueError as error:
        raise ConfigError(f"--target: {error}") from error
