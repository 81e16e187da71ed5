"""What went wrong becomes a message and an exit code, the same for every verb."""

import contextlib
from collections.abc import Iterator

import typer

from mbctl import exit_codes
from mbctl.cli import printer

_USAGE_CODES = ("INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE", "UNIMPLEMENTED")
_UNREACHABLE_REASONS = ("UNREACHABLE", "DEADLINE_EXCEEDED", "UNAVAILABLE")


@contextlib.contextmanager
def reported(as_json: bool = False) -> Iterator[None]:
    """Turn errors of configuration and of calls into an exit; Ctrl-C into 130."""
    from mbctl.config import ConfigError
    from services.errors import ServiceError

    try:
        yield
    except ConfigError as error:
        printer.failure("CONFIG", error.reason, str(error), as_json)
        raise typer.Exit(exit_codes.USAGE) from None
    except ServiceError as error:
        who = error.answered_by or {}
        printer.failure(error.code.name, error.reason, error.message, as_json, **who)
        raise typer.Exit(exit_code_of(error.code.name, error.reason)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@contextlib.contextmanager
def start_up_reported(as_json: bool = False) -> Iterator[None]:
    """Turn what keeps a daemon from starting into an exit."""
    from mbctl.exit_codes import StartUpError

    try:
        yield
    except StartUpError as error:
        printer.failure("START_UP", "START_UP_FAILED", str(error), as_json)
        raise typer.Exit(exit_codes.START_UP) from None


def exit_code_of(code: str, reason: str) -> int:
    """The exit code for a canonical status code and its reason."""
    if reason in _UNREACHABLE_REASONS:
        return exit_codes.UNREACHABLE
    return exit_codes.USAGE if code in _USAGE_CODES else exit_codes.FAULT
