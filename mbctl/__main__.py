"""Entry point of the `mbctl` command and of `python -m mbctl`."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from mbctl.cli.app import app

    app(prog_name="mbctl")


if __name__ == "__main__":
    sys.exit(main())
