"""Real controller processes with the simulated D'Claw, and policies for them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbctl.config import ControllerConfig
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.snapshot import Snapshot, build_snapshot, expected_shapes, save_snapshot
from mbctl.tasks.registry import make_task
from protos import common_pb2
from services.client import ControllerClient

TASK = "dclaw-turn-random"
_PROGRAM = (
    "import sys\n"
    "from mbctl.config import ControllerConfig\n"
    "from services.controller.daemon import run_controller\n"
    "config = ControllerConfig.model_validate_json(sys.stdin.read())\n"
    "code = run_controller(config)\n"
    "assert 'torch' not in sys.modules, 'the service process imported torch'\n"
    "sys.exit(code)\n"
)


@dataclass
class ControllerProcess:
    """One daemon; its run directory outlives it."""

    run_dir: Path
    process: subprocess.Popen
    log: Path

    def client(self) -> ControllerClient:
        path = self.run_dir / "controller.address"
        wait_until(lambda: path.is_file() or self.process.poll() is not None, 60.0)
        assert path.is_file(), self.log.read_text()
        return ControllerClient(path.read_text().strip())

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it logged under this event name."""
        lines = self.log.read_text().splitlines()
        parsed = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in parsed if event["event"] == name]

    def control_pid(self) -> int:
        return wait_until(lambda: self.events("control_started"))[-1]["pid"]

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(15)


StartController = Callable[..., ControllerProcess]


@contextlib.contextmanager
def starting_controllers(directory: Path) -> Iterator[StartController]:
    """Starts daemons on demand and leaves none behind, nor their control processes."""
    started: list[ControllerProcess] = []

    def start(
        run_dir: Path | None = None,
        *,
        under: Sequence[str] = (),
        program: Sequence[str] = (_PROGRAM,),
        **fields: Any,
    ) -> ControllerProcess:
        run_dir = run_dir or directory / "run"
        (run_dir / "controller.address").unlink(missing_ok=True)
        config = make_config(run_dir, **fields)
        log = directory / f"controller{len(started)}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [*under, sys.executable, "-P", "-c", *program],
                stdin=subprocess.PIPE,
                stderr=stderr,
            )
        process.stdin.write(config.model_dump_json().encode())
        process.stdin.close()
        started.append(ControllerProcess(run_dir, process, log))
        return started[-1]

    try:
        yield start
    finally:
        for controller in started:
            controller.process.kill()
            controller.process.wait()
            for event in controller.events("control_started"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(event["pid"], signal.SIGKILL)


@pytest.fixture
def start_controller(tmp_path):
    with starting_controllers(tmp_path) as start:
        yield start


def make_config(run_dir: Path, **fields: Any) -> ControllerConfig:
    """Lockstep, without a trainer, on any free port, unless `fields` say otherwise."""
    tree = {
        "task": {"name": TASK},
        "clock": "lockstep",
        "listen": "127.0.0.1:0",
        "trainer": "",
        "run_dir": str(run_dir),
        **fields,
    }
    return ControllerConfig.model_validate(tree)


def make_policy(version: int, *, bias: float = 0.0) -> Snapshot:
    """An untrained policy; `bias` goes into its last layer."""
    task = make_task(TASK)
    rng = np.random.default_rng(version)
    actions = len(task.robot.joints)
    shapes = expected_shapes(PolicyArchitecture(), len(task.observation_names), actions)
    weights = {n: (0.1 * rng.normal(size=s)).astype(np.float32) for n, s in shapes.items()}
    weights["input_scale"] = np.ones_like(weights["input_scale"])
    weights["layers.2.bias"] = weights["layers.2.bias"] + np.float32(bias)
    return build_snapshot(task, weights, version=version, algorithm="pal")


def publish_policy(run_dir: Path, snapshot: Snapshot) -> None:
    """Put a version where a controller without trainer finds it."""
    save_snapshot(snapshot, run_dir / "policies")


def wait_until(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """The first true value of `condition`, looked at every 10 ms."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not so within {timeout_s} s"
        time.sleep(0.01)
    return value


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def process_runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture(scope="session")
def policy() -> Callable[..., Snapshot]:
    return make_policy


@pytest.fixture(scope="session")
def publish() -> Callable[[Path, Snapshot], None]:
    return publish_policy


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return find_free_port


@pytest.fixture(scope="session")
def has_process() -> Callable[[int], bool]:
    return process_runs


@pytest.fixture(scope="module")
def controller(tmp_path_factory) -> Iterator[ControllerProcess]:
    """One lockstep daemon with policy version 1, shared by a module's tests."""
    directory = tmp_path_factory.mktemp("controller")
    with starting_controllers(directory) as start:
        publish_policy(directory / "run", make_policy(1))
        yield start()


@pytest.fixture
def client(controller) -> Iterator[ControllerClient]:
    """A client of the shared daemon, which it finds and leaves INACTIVE with version 1."""
    with controller.client() as found:
        wait_until(lambda: found.status().policy.version >= 1)
        yield found
        if found.status().lifecycle == common_pb2.LIFECYCLE_E_STOPPED:
            found.release_emergency_stop()
        wait_until(lambda: found.status().lifecycle == common_pb2.LIFECYCLE_INACTIVE)
