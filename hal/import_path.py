"""Where our processes import from: never from the directory that somebody happened to stand in."""

import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line of a child process that runs `module` with this interpreter.

    A `select.py` or `sim.py` in the working directory would be imported in place of the standard
    library's or ours; `mbctl` itself leaves the directory in its `__main__`.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
