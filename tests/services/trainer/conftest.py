"""Real trainer processes, and a robot's side of the ingest stream."""

import contextlib
import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbctl.data.chunk import ChunkRecord, EpisodeSummary
from mbctl.data.layout import RowLayout
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task
from protos import trainer_pb2, trainer_pb2_grpc
from services import wire
from services.client.trainer import TrainerClient

TASK = "dclaw-turn-random"
LAYOUT = row_layout(make_task(TASK))
SPOOL = "ab" * 16
SCRIPT = Path(__file__).parent / "tiny_trainer.py"


@dataclasses.dataclass
class TrainerProcess:
    """One daemon process; its run directory outlives it."""

    run_dir: Path
    process: subprocess.Popen
    log: Path

    def address(self, timeout_s: float = 20.0) -> str:
        """Where it serves, once it does."""
        path = self.run_dir / "trainer.address"
        wait_for(lambda: path.is_file() or self.process.poll() is not None, timeout_s)
        assert path.is_file(), self.log.read_text()
        return path.read_text().strip()

    def client(self) -> TrainerClient:
        return TrainerClient(self.address())

    def events(self) -> list[dict[str, Any]]:
        """What it logged."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def learner_pid(self) -> int:
        """The learner's process id, once one was started."""
        wait_for(lambda: any(e["event"] == "learner_started" for e in self.events()))
        return [e["pid"] for e in self.events() if e["event"] == "learner_started"][-1]

    def kill(self) -> None:
        """SIGKILL, as the out-of-memory killer would."""
        self.process.kill()
        self.process.wait(10)
        (self.run_dir / "trainer.address").unlink(missing_ok=True)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(15)


@dataclasses.dataclass
class RowSender:
    """A robot that streams known rows: row number n of seed s is always the same.

    Attributes:
        acknowledged: rows below this number are durable, the trainer says.
    """

    client: TrainerClient
    spool_id: str = SPOOL
    robot: str = "dclaw0"
    acknowledged: int = 1

    def hello(self, layout: RowLayout = LAYOUT) -> trainer_pb2.StreamChunksRequest:
        hello = trainer_pb2.Hello(
            spool_id=self.spool_id, robot=self.robot, layout=wire.layout_to_proto(layout)
        )
        return trainer_pb2.StreamChunksRequest(hello=hello)

    def stream(self, requests: Iterator[trainer_pb2.StreamChunksRequest]) -> Iterator[int]:
        """Acknowledged sequence numbers of one raw stream."""
        stub: Any = trainer_pb2_grpc.IngestServiceStub(self.client.caller.channel)
        for answer in self.client.caller.stream(stub.StreamChunks, requests):
            self.acknowledged = answer.next_sequence
            yield answer.next_sequence

    def send(
        self,
        chunks: Sequence[ChunkRecord],
        on_ack: Callable[[int], None] = lambda _: None,
        window: int = 64,
    ) -> None:
        """Send chunks, `window` ahead of the acknowledgements, until all are acknowledged."""
        outgoing: queue.SimpleQueue = queue.SimpleQueue()
        outgoing.put(self.hello())
        sent = 0
        for sequence in self.stream(iter(outgoing.get, None)):
            on_ack(sequence)
            done = sum(chunk.next_sequence <= sequence for chunk in chunks)
            for chunk in chunks[sent : done + window]:
                outgoing.put(trainer_pb2.StreamChunksRequest(chunk=wire.chunk_to_proto(chunk)))
                sent += 1
            if done == len(chunks):
                outgoing.put(None)

    def resume_point(self) -> int:
        stub: Any = trainer_pb2_grpc.IngestServiceStub(self.client.caller.channel)
        request = trainer_pb2.GetResumePointRequest(spool_id=self.spool_id)
        return self.client.caller.call(stub.GetResumePoint, request).next_sequence


def build_chunk(first: int = 1, count: int = 40, **changes: Any) -> ChunkRecord:
    """Rows numbered from `first`, one whole episode of training."""
    rng = np.random.default_rng(first)
    matrix = rng.uniform(-1, 1, (count, LAYOUT.width)).astype("<f4")
    matrix[:, LAYOUT.terminated :] = (0.0, 0.0, 1.0)
    stamps = np.arange(2 * count, dtype="<i8") + first
    episode_id = f"t{first:08d}"
    episode = EpisodeSummary(
        episode_id, "dclaw0", TASK, "train", first, 1, count, -1.0, False, "TRUNCATED", first, 0
    )
    chunk = ChunkRecord(
        spool_id=SPOOL,
        first_sequence=first,
        row_count=count,
        robot="dclaw0",
        task=TASK,
        episode_id=episode_id,
        first_step=0,
        policy_version=1,
        calibration_version="none",
        backend="mujoco",
        purpose="train",
        layout_hash=LAYOUT.hash,
        boot_id="boot",
        wall_ns=first,
        rows=matrix.tobytes(),
        stamps=stamps.tobytes(),
        episode=episode,
    )
    return dataclasses.replace(chunk, **changes)


def build_chunks(rows: int, first: int = 1, count: int = 40) -> list[ChunkRecord]:
    """Chunks of `count` rows that hold rows `first` to `rows`."""
    return [build_chunk(start, count) for start in range(first, rows + 1, count)]


def wait_for(condition: Callable[[], Any], timeout_s: float = 90.0) -> Any:
    """The first true value of `condition`, asked every 20 ms."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "condition was not met in time"
        time.sleep(0.02)
    return value


@pytest.fixture
def start_trainer(tmp_path: Path) -> Iterator[Callable[..., TrainerProcess]]:
    """start_trainer(name="run", **settings): a daemon on tmp_path/name with the tiny learner.

    `first` is Python that runs in the daemon before it starts. Keywords
    `limit`, `seed`, `task` and `algorithm` go to the configuration, others to the
    algorithm's settings. All processes are killed after the test.
    """
    processes: list[TrainerProcess] = []

    def start(name: str = "run", *, first: str = "", **settings: Any) -> TrainerProcess:
        run_dir = tmp_path / name
        config = {
            "run_dir": str(run_dir),
            "listen": "127.0.0.1:0",
            "seed": settings.pop("seed", 0),
            "task": {"name": settings.pop("task", TASK)},
            "samples_per_insert_limit": settings.pop("limit", 1e6),
            "algorithm": {
                "name": settings.pop("algorithm", "tiny"),
                "settings": {"initial_rows": 80, "rows_per_refit": 40, **settings},
            },
        }
        log = tmp_path / f"{name}-{len(processes)}.log"
        with log.open("wb") as errors:
            program = f"import runpy; {first}\nrunpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
            command = [sys.executable, "-P", "-c", program, json.dumps(config)]
            process = subprocess.Popen(command, stderr=errors, cwd=tmp_path)
        processes.append(TrainerProcess(run_dir, process, log))
        return processes[-1]

    yield start
    for trainer in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(trainer.process.pid, signal.SIGKILL)
        trainer.process.wait(10)


@pytest.fixture(scope="session")
def make_chunk() -> Callable[..., ChunkRecord]:
    """make_chunk(first, count, **changes): valid D'Claw rows numbered from `first`."""
    return build_chunk


@pytest.fixture(scope="session")
def make_chunks() -> Callable[..., list[ChunkRecord]]:
    """make_chunks(rows, first=1, count=40): chunks that hold rows `first` to `rows`."""
    return build_chunks


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """eventually(condition, timeout_s): waits for a true value and returns it."""
    return wait_for


@pytest.fixture(scope="session")
def sender() -> type[RowSender]:
    """sender(client, spool_id, robot): a robot's side of the ingest stream."""
    return RowSender
