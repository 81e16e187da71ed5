"""Whom a verb without --target means: the one daemon of this user on this machine."""

from shlex import quote

from mbctl.config import ConfigError
from services.local_daemons import LocalDaemon, local_daemons


class UnclearTargetError(ConfigError):
    """Nobody was named, and it is not clear who is meant."""

    reason = "TARGET_UNCLEAR"


def local_target(kind: str, usual: str) -> str:
    """The address of the one `kind` of daemon that runs here; `usual` where there is none.

    Raises:
        UnclearTargetError: there are several, which are listed; or it does not serve yet.
    """
    found = local_daemons(kind)
    if not found:
        return usual
    if len(found) > 1:
        lines = "".join(f"\n  {_line(daemon)}" for daemon in found)
        raise UnclearTargetError(f"{len(found)} {kind}s run here, say which one is meant:{lines}")
    (daemon,) = found
    if not daemon.address:
        raise UnclearTargetError(f"the {kind} of {daemon.name} does not serve yet: try again")
    return daemon.address


def _line(daemon: LocalDaemon) -> str:
    target = f"--target {quote(daemon.address)}" if daemon.address else "does not serve yet"
    return f"{target}  {daemon.name}, process {daemon.pid}, {daemon.run_dir}"
