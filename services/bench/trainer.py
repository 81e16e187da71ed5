"""A real trainer daemon for a benchmark, in a directory that goes with it."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.bench.host import filesystem_of
from services.client.trainer import TrainerClient
from services.trainer import paths
from services.up.process import DaemonProcess

_NEVER = 1_000_000_000  # rows before the first refit: it stores, and does not learn meanwhile
_START_S = 120.0


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
