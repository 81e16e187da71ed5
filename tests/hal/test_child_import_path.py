"""Nothing of ours is imported from the directory that somebody happens to stand in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hal.child import module_command

POISON = ("sim", "hal", "services", "protos", "select", "queue", "typing_extensions", "rich")
PYTHON = sys.executable
MBCTL = str(Path(PYTHON).with_name("mbctl"))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A directory in which every import of a name of ours, or the library's, would end us."""
    for name in POISON:
        (tmp_path / f"{name}.py").write_text("raise SystemExit(f'imported {__file__}')\n")
    return tmp_path


def run(command: list[str], directory: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=directory, env=os.environ | environment, capture_output=True, text=True,
        timeout=90, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [[MBCTL], [PYTHON, "-m", "mbctl"], module_command("mbctl")],
    ids=["mbctl", "python -m mbctl", "child"],
)
@pytest.mark.parametrize("python_path", ["", ":/nowhere", "."])
def test_an_entry_imports_nothing_from_there(notes: Path, command: list[str], python_path: str):
    check = [*command, "controller", "--check-config"]
    done = run(check, notes, PYTHONPATH=python_path)
    assert (done.returncode, done.stdout) == (0, "configuration is valid\n"), done.stderr


def test_neither_do_the_processes_of_a_run(notes: Path, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("run")
    up = [MBCTL, "up", "--samples=1", f"--run-dir={run_dir}", "--set=final_episodes=1"]
    done = run([*up, "--set=evaluation_episodes=1"], notes)
    assert done.returncode == 0, done.stderr + (run_dir / "logs/controller.log").read_text()


def test_neither_does_a_virtual_bus(notes: Path):
    command = [MBCTL, "virtual-bus", "--robot=dclaw"]
    with subprocess.Popen(command, cwd=notes, stdout=subprocess.PIPE, text=True) as bus:
        assert bus.stdout is not None
        banner = bus.stdout.readline()
        bus.terminate()
    assert banner.startswith("{")


def test_a_directory_that_python_path_names_stays(tmp_path: Path):
    (tmp_path / "ours.py").write_text("")
    code = "from mbctl.__main__ import leave_working_directory as leave; leave(); import ours"
    done = run([PYTHON, "-c", code], tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_directory_that_is_gone_is_no_traceback(tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir {gone} && exec {MBCTL} --version"
    done = run(["sh", "-c", script], gone)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("verb", ["up", "controller", "trainer"])
def test_a_check_in_a_directory_that_is_gone_says_so(tmp_path: Path, verb: str):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = run(["sh", "-c", f"rmdir {gone} && exec {MBCTL} {verb} --check-config"], gone)
    assert done.returncode in (2, 3)
    assert "the working directory has been removed" in done.stderr
    assert "Traceback" not in done.stderr
