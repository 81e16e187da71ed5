"""What the verbs that lead a robot say before they do: to readers of every kind."""

import json
import subprocess
import sys

import pytest

from mbctl import exit_codes
from tests.services.controller.console_rig import (
    Closed,
    DiskFull,
    Output,
    Paused,
    ReaderGone,
)


def end_of(output: Output, *arguments: str) -> int:
    command = [sys.executable, "-P", "-m", "mbctl", *arguments]
    if isinstance(output, Closed):
        command = ["/bin/sh", "-c", 'exec "$0" "$@" >&- 2>&-', *command]
    with subprocess.Popen(command, stdout=output.end, stderr=output.end) as process:
        try:
            return process.wait(30)
        finally:
            process.kill()


@pytest.mark.parametrize(
    "verb", ["controller", *(pytest.param(v, marks=pytest.mark.slow) for v in ("trainer", "up"))]
)
@pytest.mark.parametrize("kind", [ReaderGone, Paused, DiskFull, Closed], ids=lambda k: k.__name__)
@pytest.mark.parametrize(
    "wrong", ["--set=no.such=key", pytest.param("--no-such-option", marks=pytest.mark.slow)]
)
def test_a_wrong_start_ends_with_its_code_whatever_becomes_of_its_words(kind, verb, wrong):
    output = kind()
    output.spoil()
    assert end_of(output, verb, wrong) == exit_codes.USAGE
    output.close()


def test_a_result_for_a_program_is_whole(tmp_path):
    command = [sys.executable, "-P", "-m", "mbctl", "up", "--check-config", "--json"]
    command.append(f"--run-dir={tmp_path / 'run'}")
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["trainer"]
