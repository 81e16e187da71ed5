"""The command line is a promise: every command and option is listed, and help comes at once."""

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from mbctl.cli.app import app

HEAVY = ("torch", "numpy", "grpc", "mujoco", "matplotlib", "google.protobuf")
HELP_OF_TORCH_MAX = 0.25  # processor time of `mbctl --help` relative to `import torch`


def surface(command: Any, path: str) -> Iterator[str]:
    """Lines for a command, its parameters and its commands."""
    inner = commands_of(command)
    if not inner or command.params:
        yield path
    yield from (f"    {described(parameter)}" for parameter in command.params)
    for name in sorted(inner):
        yield from surface(inner[name], f"{path} {name}")


def commands_of(command: Any) -> dict[str, Any]:
    return getattr(command, "commands", {})


def described(parameter: Any) -> str:
    """Names, kind, default and environment variable."""
    kind = parameter.type_descriptor.annotation.__name__
    if parameter.param_type_name == "argument":
        return f"{parameter.name.upper()} {kind}"
    words = [", ".join((*parameter.opts, *parameter.secondary_opts))]
    words += [] if parameter.is_flag else [kind]
    words += ["(repeatable)"] if parameter.multiple else []
    words += [] if parameter.default in (None, False, "") else [f"= {parameter.default}"]
    words += [f"[{parameter.envvar}]"] if parameter.envvar else []
    words += ["(hidden)"] if parameter.hidden else []
    return " ".join(words)


def paths(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The command itself and every one below it."""
    below = [paths(inner, (*path, name)) for name, inner in commands_of(command).items()]
    return [path, *(p for found in below for p in found)]


def test_commands_and_options_are_the_listed_ones(root: Path):
    listed = (root / "tests/architecture/cli_surface.txt").read_text().splitlines()
    found = list(surface(get_command(app), "mbctl"))
    changes = "\n".join(difflib.unified_diff(listed, found, "listed", "found", lineterm="", n=1))
    assert found == listed, f"the command line has changed:\n{changes}"


HELP_OF_ALL = """
import json, sys
from mbctl.cli.app import app
for path in json.loads(sys.argv[1]):
    try:
        app([*path, "--help"], prog_name="mbctl")
    except SystemExit as stop:
        heavy = [m for m in json.loads(sys.argv[2]) if m in sys.modules]
        sys.stderr.write(f"{' '.join(path)}: {stop.code} {heavy}\\n")
"""


def test_no_help_loads_anything_heavy():
    asked = paths(get_command(app))
    arguments = [json.dumps(asked), json.dumps(HEAVY)]
    run = subprocess.run(
        [sys.executable, "-P", "-c", HELP_OF_ALL, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr.splitlines() == [f"{' '.join(path)}: 0 []" for path in asked]
    assert run.stdout.count("Usage: mbctl") == len(asked)


def cpu_seconds(*arguments: str) -> float:
    """Processor time of a Python process; unlike wall time hardly changed by a busy machine."""
    with subprocess.Popen([sys.executable, "-P", *arguments], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_help_costs_a_fraction_of_importing_torch():
    torch_s = cpu_seconds("-c", "import torch")
    help_s = min(cpu_seconds("-m", "mbctl", "--help") for _ in range(2))
    assert help_s < HELP_OF_TORCH_MAX * torch_s, f"{help_s:.2f} s against {torch_s:.2f} s"
