"""Exit codes of the daemons and of the command line: stable, so that scripts may test them."""

from typing import Final

from hal.errors import ReasonedError

OK: Final = 0
USAGE: Final = 2
START_UP: Final = 3
FAULT: Final = 4
UNREACHABLE: Final = 5


class StartUpError(ReasonedError):
    """A process cannot start (exit code START_UP); its message says what would be right."""

    reason = "START_UP"
