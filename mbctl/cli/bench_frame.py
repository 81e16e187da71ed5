"""What all verbs of `mbctl bench` do around their work: one thread, and failures as exit codes."""

import contextlib
import os
from collections.abc import Iterator

import typer

from mbctl import exit_codes
from mbctl.cli import render
from mbctl.cli.failures import reported


def one_thread() -> None:
    """Before torch or a library under NumPy is imported, for this process and its children."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


@contextlib.contextmanager
def benchmark_reported(as_json: bool) -> Iterator[None]:
    """A part that does not run is an exit code and a message; Ctrl-C is 130."""
    from services.bench.failures import FAILURES

    try:
        with reported(as_json):
            yield
    except FAILURES as error:
        render.failure("ABORTED", "BENCHMARK_FAILED", str(error), as_json)
        raise typer.Exit(exit_codes.START_UP) from error
