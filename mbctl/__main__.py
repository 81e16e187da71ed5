"""Entry point of the `mbctl` command and of `python -m mbctl`."""

import os
import sys

import mbctl

_DAEMONS = ("controller", "trainer")  # they stop in their own way once they can
_LEADING = (*_DAEMONS, "up")  # they stand still for no terminal


def main() -> None:
    """Run the command line and exit with its code."""
    leave_working_directory()  # before anything of ours is imported
    from hal.stdio import hold_standard_descriptors, wait_little_for_readers
    from hal.stop_signals import hold_stop_signals

    hold_standard_descriptors()
    from mbctl.cli.estop import stop_at_once

    code = stop_at_once(sys.argv[1:])  # before anything else is imported
    if code is not None:
        sys.exit(code)
    verb = sys.argv[1] if sys.argv[1:] else ""
    if verb in _DAEMONS:
        hold_stop_signals()
    if verb in _LEADING:
        wait_little_for_readers()
    if verb == "controller":
        import signal

        # Before a library starts a thread: one that does not block it would get it, and nobody
        # else; see services/controller/signal_stop.py.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    from mbctl.cli.app import app

    app(prog_name="mbctl")


def leave_working_directory() -> None:
    """Take the working directory off the import path, for this process and its children.

    It stays where PYTHONPATH names it by an absolute path, and where it holds this very package.
    """
    named = [e for e in os.environ.get("PYTHONPATH", "").split(os.pathsep) if _is_absolute(e)]
    here, root = _working_directory(), mbctl.__path__[0].rpartition(os.sep)[0]
    sys.path[:] = [e for e in sys.path if _is_absolute(e) and (e != here or e in named)]
    if here == root and root not in sys.path:
        sys.path.append(root)
    os.environ["PYTHONSAFEPATH"] = "1"
    if "PYTHONPATH" in os.environ:
        os.environ["PYTHONPATH"] = os.pathsep.join(named)


def _is_absolute(entry: str) -> bool:
    return entry.startswith(os.sep)


def _working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - before anything is imported that need not be
    except FileNotFoundError:
        return ""  # it has been removed


if __name__ == "__main__":
    sys.exit(main())
