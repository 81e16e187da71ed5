"""Entry point of the `mbctl` command and of `python -m mbctl`."""

import sys

from hal.import_path import leave_working_directory


def main() -> None:
    """Run the command line and exit with its code."""
    leave_working_directory()
    from mbctl.cli.estop import stop_at_once

    code = stop_at_once(sys.argv[1:])  # before anything else is imported
    if code is not None:
        sys.exit(code)
    from mbctl.cli.app import app

    app(prog_name="mbctl")


if __name__ == "__main__":
    sys.exit(main())
