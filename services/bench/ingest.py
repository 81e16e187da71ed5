"""`mbctl bench ingest`: durable rows per second, and bytes per row on the wire."""

import asyncio
import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mbctl.data.chunk import STAMP_BYTES
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from services.bench.host import filesystem_of, measure_host
from services.bench.relay import CountingRelay
from services.bench.report import Figure, Goal, Report, Say
from services.bench.sender import Batch, build_chunks, send
from services.bench.yardstick import measure_yardstick
from services.channel import open_aio_channel
from services.client.trainer import TrainerClient
from services.trainer import paths
from services.up.process import DaemonProcess

TASK = "dclaw-turn-random"
FORTY_TIMES = Goal("at least", 40.0)
LEAN = Goal("at most", 1.05)
NOTES = (
    "A trainer daemon in its own process, SQLite with synchronous=FULL, TCP on loopback; rates are "
    "from the first message to the acknowledgement of the last, which means durable; medians of "
    "rounds in which all take turns. Messages are built on the way, as the robot's uplink does.",
    "Bytes on the wire are counted by a relay, HTTP/2 and gRPC framing included, TCP headers not. "
    "Payload: the float32 row and two int64 stamps.",
)
ONE_STREAMED, ONE_EACH = "one row per message", "one row per message, an ack each"
_NEVER = 1_000_000_000  # rows before the first refit: it stores, and does not learn meanwhile
_START_S = 120.0


@dataclass(frozen=True)
class IngestSizes:
    """Rows in each pass, by rows in a message."""

    rows_256: int = 51_200
    rows_64: int = 25_600
    rows_1: int = 4_000
    rows_ack_each: int = 500
    rounds: int = 3

    def batches(self) -> dict[str, Batch]:
        return {
            "chunks of 256 rows": Batch(self.rows_256, 256),
            "chunks of 64 rows": Batch(self.rows_64, 64),
            ONE_STREAMED: Batch(self.rows_1, 1),
            ONE_EACH: Batch(self.rows_ack_each, 1, ack_each=True),
        }


QUICK = IngestSizes(10_240, 5_120, 800, 100, rounds=1)


@dataclass(frozen=True)
class BenchTrainer:
    """Attributes: `filesystem` is the type of the one that its database lies on."""

    address: str
    filesystem: str

    def rows_stored(self) -> int:
        """Durable rows, as the trainer counts them."""
        with TrainerClient(self.address) as client:
            return client.status().rows_stored


@contextlib.contextmanager
def running_trainer(task: str) -> Iterator[BenchTrainer]:
    """Start the daemon, wait until its learner is up too, and stop it at the end.

    Raises:
        services.up.process.DaemonDiedError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="mbctl-bench-") as name:
        directory = Path(name)
        run_dir = directory / "run"
        config = directory / "trainer.json"
        tree = {
            "task": {"name": task},
            "algorithm": {"name": "pal", "settings": {"initial_rows": _NEVER}},
            "listen": "127.0.0.1:0",
            "run_dir": str(run_dir),
        }
        config.write_text(json.dumps(tree))
        address = run_dir / paths.ADDRESS_FILE
        with DaemonProcess("trainer", config, directory / "trainer.log") as daemon:
            daemon.wait_serving(lambda: _is_serving(address), _START_S)
            yield BenchTrainer(address.read_text().strip(), filesystem_of(run_dir))


def _is_serving(address: Path) -> bool:
    if not address.is_file():
        return False
    with TrainerClient(address.read_text().strip()) as client:
        return client.is_serving()


def run_ingest(sizes: IngestSizes, say: Say, quick: bool = False) -> Report:
    """Measure; tells `say` what comes next."""
    before = measure_host()
    say("yardstick")
    yardstick = measure_yardstick()
    task, batches = make_task(TASK), sizes.batches()
    say("starting a trainer")
    with running_trainer(TASK) as trainer:
        say("durable rows per second")
        rates = asyncio.run(_rates(trainer, task, batches, sizes.rounds))
        say("bytes on the wire")
        sent = asyncio.run(_bytes_per_row(trainer, task, batches))
        details = {
            "filesystem": trainer.filesystem,
            "rows stored": trainer.rows_stored(),
            "rows sent": (sizes.rounds + 1) * sum(batch.rows for batch in batches.values()),
            "row bytes without stamps": row_layout(task).row_bytes,
        }
    figures = [*rate_figures(rates), *wire_figures(sent, payload_bytes(task))]
    return Report("ingest", quick, figures, yardstick, before, measure_host(), NOTES, details)


def payload_bytes(task: Task) -> int:
    """Of a row with its stamps."""
    return row_layout(task).row_bytes + STAMP_BYTES


def rate_figures(rates: Mapping[str, float]) -> list[Figure]:
    """Each kind of chunk against each way to send single rows."""
    return [
        Figure(name, rate, "rows/s", one, rates[one], "value / baseline", FORTY_TIMES)
        for name, rate in rates.items()
        if name not in (ONE_STREAMED, ONE_EACH)
        for one in (ONE_STREAMED, ONE_EACH)
    ]


def wire_figures(sent: Mapping[str, float], payload: int) -> list[Figure]:
    """Bytes per row against the payload; single rows have no goal to reach."""
    return [
        Figure(
            f"on the wire, {name}",
            bytes_per_row,
            "bytes/row",
            "payload",
            payload,
            "value / baseline",
            None if name in (ONE_STREAMED, ONE_EACH) else LEAN,
        )
        for name, bytes_per_row in sent.items()
    ]


async def _rates(
    trainer: BenchTrainer, task: Task, batches: Mapping[str, Batch], rounds: int
) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in batches}
    async with open_aio_channel(trainer.address) as channel:
        for _ in range(rounds):
            for name, batch in batches.items():
                chunks = build_chunks(task, batch)
                found[name].append(batch.rows / await send(channel, task, chunks, batch.ack_each))
    return {name: statistics.median(rates) for name, rates in found.items()}


async def _bytes_per_row(
    trainer: BenchTrainer, task: Task, batches: Mapping[str, Batch]
) -> dict[str, float]:
    """From robot to trainer, by how rows are sent; the connection's beginning is counted too."""
    found: dict[str, float] = {}
    for name, batch in batches.items():
        async with CountingRelay(trainer.address) as relay:
            async with open_aio_channel(relay.address) as channel:
                await send(channel, task, build_chunks(task, batch), batch.ack_each)
            found[name] = relay.sent / batch.rows
    return found
