"""The README's commands work, in its order, with real daemons and small budgets.

Marks on fenced blocks say what a block is: `sh test` is run, `sh test background` is a daemon that
stays up, `sh make` needs a fresh clone and is only checked for its targets, `toml NAME` is a file.
"""

import ast
import importlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.client import ControllerClient
from services.up.addresses import free_address

FENCE = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What makes learning small enough for a test, as the environment of every command.
SETTINGS = {
    "INITIAL_ROWS": "80",
    "ROWS_PER_REFIT": "80",
    "MEMBERS": "2",
    "MODEL_HIDDEN": "[16, 16]",
    "MODEL_EPOCHS": "2",
    "MODEL_STEPS_MIN": "2",
    "POLICY_HIDDEN": "[16, 16]",
    "NPG_STEPS": "1",
    "ROLLOUTS": "8",
    "HORIZON": "8",
}
SAMPLES_DIVISOR, COUNT_DIVISOR = 125, 20


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its mark and what is in it."""

    language: str
    mark: str
    text: str


def blocks(root: Path) -> list[Block]:
    found = FENCE.findall((root / "README.md").read_text(encoding="utf-8"))
    return [Block(language, mark, text) for language, mark, text in found]


def results(root: Path) -> list[str]:
    """The names in the table under "Where results lie"."""
    text = (root / "README.md").read_text(encoding="utf-8")
    table = text.partition("### Where results lie")[2].partition("```")[0]
    first_column = "".join(row.split("|")[1] for row in table.splitlines() if row.startswith("|"))
    names = re.findall(r"`([^`]+)`", first_column)
    assert len(names) >= 8
    return [name.replace("000012", "000001") for name in names]


def small(command: str) -> str:
    """The command with a budget for tests, and with short evaluations."""
    if command.startswith("mbctl up"):
        command += " --set evaluation_episodes=2 --set final_episodes=2"
    for option, divisor in (("samples", SAMPLES_DIVISOR), ("count", COUNT_DIVISOR)):
        command = re.sub(
            rf"--{option} (\d+)",
            lambda m, o=option, d=divisor: f"--{o} {max(1, int(m[1]) // d)}",
            command,
        )
    return command


class Shells:
    """Shells in one directory; addresses are free ones, so that nothing else is met."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.controller, trainer = free_address("127.0.0.1:0"), free_address("127.0.0.1:0")
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MBCTL_")},
            **{f"MBCTL_TRAINER_ALGORITHM__SETTINGS__{k}": v for k, v in SETTINGS.items()},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MBCTL_TRAINER_LISTEN": trainer,
            "MBCTL_CONTROLLER_TRAINER": trainer,
            "MBCTL_CONTROLLER_LISTEN": self.controller,
            "MBCTL_TARGET": self.controller,
            "MBCTL_MODEL_TARGET": trainer,
        }
        self.daemons: list[subprocess.Popen[bytes]] = []

    def run(self, command: str) -> None:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def start(self, command: str) -> None:
        with (self.folder / f"daemon{len(self.daemons)}.log").open("wb") as log:
            self.daemons.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {command}"],
                    cwd=self.folder,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                )
            )

    def wait_for_policy(self) -> None:
        """Until the robot has the trainer's first policy, as a reader would see in its status."""
        deadline = time.monotonic() + 90
        with ControllerClient(self.controller) as client:
            while not (client.is_serving() and client.status().policy.version):
                assert all(daemon.poll() is None for daemon in self.daemons), self.logs()
                assert time.monotonic() < deadline, self.logs()
                time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(p.read_text() for p in sorted(self.folder.glob("daemon*.log")))

    def stop(self) -> list[int]:
        for daemon in reversed(self.daemons):
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGTERM)
        return [daemon.wait(30) for daemon in self.daemons]


@pytest.fixture
def shells(tmp_path: Path) -> Iterator[Shells]:
    opened = Shells(tmp_path)
    yield opened
    opened.stop()


@pytest.mark.timeout(400)
def test_its_commands_work_in_their_order(root: Path, shells: Shells):
    ran = 0
    for block in blocks(root):
        if block.language == "toml":
            (shells.folder / block.mark).write_text(block.text)
        elif block.mark == "test background":
            shells.start(block.text.strip())
        elif block.mark == "test":
            if shells.daemons:
                shells.wait_for_policy()
            for command in block.text.strip().splitlines():
                shells.run(small(command))
                ran += 1
    assert ran >= 10
    assert len(shells.daemons) == 2
    assert shells.stop() == [0, 0], shells.logs()
    run_dir = shells.folder / "runs" / "first"
    missing = [name for name in results(root) if not (run_dir / name).exists()]
    assert not missing


def test_every_block_says_what_it_is(root: Path):
    marks = {"test", "test background", "make"}
    unmarked = [b.text for b in blocks(root) if b.language == "sh" and b.mark not in marks]
    assert not unmarked
    assert all(b.mark.endswith(".toml") for b in blocks(root) if b.language == "toml")


def test_its_python_imports_what_there_is(root: Path):
    (example,) = [b.text for b in blocks(root) if b.language == "python"]
    imports = [n for n in ast.walk(ast.parse(example)) if isinstance(n, ast.ImportFrom)]
    assert imports
    for node in imports:
        there = dir(importlib.import_module(node.module or ""))
        assert {alias.name for alias in node.names} <= set(there)


@pytest.mark.parametrize("target", ["run", "test", "test-slow", "check"])
def test_its_make_targets_exist(root: Path, target: str):
    """Only looked at: they build .venv and then run for minutes."""
    assert f"make {target}" in (root / "README.md").read_text(encoding="utf-8")
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=root, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
