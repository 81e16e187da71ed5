"""Where our processes import from: never from the directory that somebody happened to stand in."""

import os
import sys

import hal


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line of a child process that runs `module` with this interpreter."""
    return [sys.executable, "-P", "-m", module, *arguments]


def leave_working_directory() -> None:
    """Take the working directory off the import path, for this process and its children.

    A `select.py` or `sim.py` there would be imported in place of the standard library's or ours.
    It stays where PYTHONPATH names it by an absolute path, and where it holds this very package.
    """
    named = [e for e in os.environ.get("PYTHONPATH", "").split(os.pathsep) if _is_absolute(e)]
    here, root = _working_directory(), hal.__path__[0].rpartition(os.sep)[0]
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
