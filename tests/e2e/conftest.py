"""Real processes with a tiny learner: `mbctl up`, and daemons started by hand."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from services.client import ControllerClient, TrainerClient
from services.trainer.checkpoint import load_checkpoint
from services.up.addresses import free_address

TINY = {
    "initial_rows": 80,
    "rows_per_refit": 80,
    "members": 2,
    "model_hidden": "[16, 16]",
    "model_epochs": 2,
    "model_steps_min": 2,
    "policy_hidden": "[16, 16]",
    "npg_steps": 1,
    "rollouts": 8,
    "horizon": 8,
}
TINY_SETTINGS = [f"--set=algorithm.{key}={value}" for key, value in TINY.items()]
TINY_RHYTHM = ["evaluate_every=160", "evaluation_episodes=2", "final_episodes=4"]
STEPS = 40  # of an episode


def mbctl(*arguments: str, timeout_s: float = 90) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end."""
    command = [sys.executable, "-P", "-m", "mbctl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def mbctl_json(*arguments: str) -> Any:
    """The result of a verb that succeeds."""
    run = mbctl(*arguments, "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def up_arguments(run_dir: Path, samples: int, seed: int = 0, *more: str) -> list[str]:
    return [
        "up",
        f"--run-dir={run_dir}",
        f"--samples={samples}",
        f"--seed={seed}",
        "--json",
        *TINY_SETTINGS,
        *(f"--set={text}" for text in TINY_RHYTHM),
        *more,
    ]


@dataclass(frozen=True)
class TrainRows:
    """What a database holds of training: count, hash over the rows in order, episode ids."""

    count: int
    sha256: str
    episode_ids: tuple[str, ...]


def train_rows(database: Path) -> TrainRows:
    """Read with nothing but SQLite and NumPy."""
    query = (
        "SELECT row_count, rows, episode_id FROM chunks WHERE purpose = 'train' ORDER BY chunk_id"
    )
    uri = f"{database.as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        found = connection.execute(query).fetchall()
    digest, count = hashlib.sha256(), 0
    for row_count, rows, _ in found:
        matrix = np.frombuffer(rows, "<f4").reshape(row_count, -1)
        valid = matrix[matrix[:, -1] > 0.5]
        digest.update(valid.tobytes())
        count += len(valid)
    return TrainRows(count, digest.hexdigest(), tuple(dict.fromkeys(e for *_, e in found)))


def processes_mentioning(text: str) -> list[str]:
    """Command lines of living processes, other than this one, that contain `text`."""
    return list(_pids_mentioning(text).values())


def _pids_mentioning(text: str) -> dict[int, str]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if text in line:
                    found[int(entry.name)] = line
    return found


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Daemon:
    """`mbctl controller` or `mbctl trainer`, started by hand."""

    def __init__(self, name: str, run_dir: Path, listen: str, *assignments: str) -> None:
        self.target = listen
        self.log = run_dir / f"{name}.log"
        sets = [f"--set={text}" for text in (f"run_dir={run_dir / name}", *assignments)]
        command = [sys.executable, "-P", "-m", "mbctl", name, f"--listen={listen}", *sets]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        client = TrainerClient(listen) if name == "trainer" else ControllerClient(listen)
        with client:
            wait_until(lambda: self._is_serving(client), f"{name} does not serve")

    def _is_serving(self, client: TrainerClient | ControllerClient) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return client.is_serving()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Pair:
    """A trainer and a controller in one directory, on ports that stay."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.trainer_target = free_address("127.0.0.1:0")
        self._started: list[Daemon] = []

    def start_trainer(self, *assignments: str) -> Daemon:
        tiny = [f"algorithm.settings.{key}={value}" for key, value in TINY.items()]
        return self._keep(Daemon("trainer", self.run_dir, self.trainer_target, *tiny, *assignments))

    def start_controller(self, clock: str = "lockstep", *assignments: str) -> Daemon:
        listen = free_address("127.0.0.1:0")
        return self._keep(
            Daemon(
                "controller",
                self.run_dir,
                listen,
                f"trainer={self.trainer_target}",
                f"clock={clock}",
                *assignments,
            )
        )

    def stop(self) -> None:
        for daemon in reversed(self._started):
            daemon.stop()

    def _keep(self, daemon: Daemon) -> Daemon:
        self._started.append(daemon)
        return daemon


def learner_rows(run_dir: Path) -> tuple[int, str]:
    """Count and hash of the rows that the learner says it has learned from."""
    head, _ = load_checkpoint(run_dir)
    return head.newest.rows, head.newest.rows_sha256


def pid_of(text: str) -> int:
    """The one living process whose command line contains `text`."""
    (pid,) = _pids_mentioning(text)
    return pid


def control_pid_of(log: Path) -> int:
    """The control process that a controller's log tells of last."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line["pid"] for line in lines if line["event"] == "control_started"][-1]


@contextlib.contextmanager
def taken_address() -> Iterator[str]:
    """An address on which somebody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="session")
def e2e() -> ModuleType:
    """This module: test directories are no packages, so its functions come by fixture."""
    return sys.modules[__name__]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.stop()
