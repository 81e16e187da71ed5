"""Entry point of the `mbctl` command and of `python -m mbctl`."""

import sys

from hal.import_path import leave_working_directory
from hal.stdio import hold_standard_descriptors, wait_little_for_readers
from hal.stop_signals import hold_stop_signals

# These verbs stop in their own way once they can, and stand still for no terminal.
_LEADING = ("controller", "trainer", "up")


def main() -> None:
    """Run the command line and exit with its code."""
    leave_working_directory()
    hold_standard_descriptors()
    from mbctl.cli.estop import stop_at_once

    code = stop_at_once(sys.argv[1:])  # before anything else is imported
    if code is not None:
        sys.exit(code)
    if sys.argv[1:2] and sys.argv[1] in _LEADING:
        hold_stop_signals()
        wait_little_for_readers()
    from mbctl.cli.app import app

    app(prog_name="mbctl")


if __name__ == "__main__":
    sys.exit(main())
