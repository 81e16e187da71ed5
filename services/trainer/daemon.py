"""The trainer daemon: puts the parts together, serves until a signal, and drains."""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import structlog
from google.longrunning import operations_pb2_grpc

from hal.child import module_command
from mbctl import exit_codes
from mbctl.config.models import TrainerConfig
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.chunk_writer import ChunkWriter
from mbctl.data.lock import hold_lock
from mbctl.data.private_files import make_directory, write_whole
from mbctl.data.sqlite import StoreBusyError, StoreError
from mbctl.exit_codes import StartUpError
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task
from protos import trainer_pb2_grpc
from services.backoff import Backoff
from services.daemon import run_until_signalled
from services.daemon_name import DaemonName, announce
from services.errors import refusal
from services.operations import SERVICE_NAME, OperationsServicer, OperationStore
from services.server import GrpcServer, Servicing, build_server
from services.telemetry import begin_logging, serve_metrics
from services.trainer import paths
from services.trainer.catalogue import Catalogue
from services.trainer.ingest_servicer import IngestServicer
from services.trainer.messages import learner_config
from services.trainer.model_servicer import ModelServicer
from services.trainer.pace import Pace
from services.trainer.refits import Refits
from services.trainer.status import StatusReport, TrainerCollector
from services.trainer.supervisor import Supervisor
from services.trainer.versions import Versions
from services.transient import through_shortages

LEARNER_COMMAND = tuple(module_command("services.trainer.learner_process"))
INGEST_SERVICE = "mbctl.v1.IngestService"
MODEL_SERVICE = "mbctl.v1.ModelService"
MESSAGE_MAX_BYTES = 4 * 1024 * 1024
GRACE_S = 1.0
DRAIN_S = 25.0  # nothing moves here: a slow disk may finish what it has begun
LOOK_S = 0.5

log = structlog.get_logger()


def run_trainer(
    config: TrainerConfig,
    learner_command: Sequence[str] = LEARNER_COMMAND,
    log_file: Path | None = None,
) -> int:
    """Run the trainer until a signal; returns its exit code.

    Args:
        log_file: in place of stderr; it is rotated by size.
        learner_command: starts the learner process, for algorithms from outside this project: a
            script that calls `learner_process.main` with its own `build`.

    Raises:
        StartUpError: the log file cannot be opened.
    """
    begin_logging("trainer", log_file)
    return run_until_signalled(lambda stop: _Trainer(config, learner_command).serve(stop), DRAIN_S)


class _Trainer:
    """The parts and their life."""

    def __init__(self, config: TrainerConfig, learner_command: Sequence[str]) -> None:
        self._config = config
        self._learner_command = learner_command
        self._code = exit_codes.OK

    async def serve(self, stop: asyncio.Event) -> int:
        async with contextlib.AsyncExitStack() as stack:
            self._open_files(stack)
            # Not in the loop, which has to hear a second signal meanwhile.
            stack.push_async_callback(asyncio.to_thread, self._writer.close)
            daemon = DaemonName("trainer", self._config.task.name)
            server = self._server = self._build_server(daemon)
            announcement = announce(daemon, self._config.run_dir, stack)
            address = self._config.run_dir / paths.ADDRESS_FILE
            stack.callback(address.unlink, missing_ok=True)
            collector = TrainerCollector(self._report)
            metrics_listen, tls = self._config.metrics_listen, self._config.tls
            stack.callback(serve_metrics(metrics_listen, collector, tls))
            async with self._learning(stop):
                await server.start()
                write_whole(address, server.address)
                announcement.serve(server.address)
                log.info("trainer_serving", address=server.address, pid=os.getpid())
                await stop.wait()
                await server.drain()
                self._operations.fail_all(refusal("DRAINING", "the trainer is stopping"))
                stopping = asyncio.ensure_future(server.stop(GRACE_S))  # while the learner ends
                stack.push_async_callback(asyncio.wait, [stopping])
        if self._supervisor.refusal is not None:
            raise StartUpError(self._supervisor.refusal.message)
        return self._code

    def _open_files(self, stack: contextlib.AsyncExitStack) -> None:
        config = self._config
        try:
            make_directory(config.run_dir)
            self._task = make_task(config.task.name, config.task.observation)
            stack.enter_context(hold_lock(config.run_dir / paths.LOCK_FILE, "trainer"))
            database = config.run_dir / paths.DATABASE_FILE
            self._store = stack.enter_context(ChunkStore(database, refuse_repeats=True))
            self._catalogue = Catalogue(self._store)
            self._writer = stack.enter_context(ChunkWriter(self._store))
        except OSError as error:
            message = f"run directory {config.run_dir} cannot be used: {error}"
            raise StartUpError(message) from error
        except (StoreError, ValueError) as error:
            raise StartUpError(str(error)) from error

    def _build_server(self, daemon: DaemonName) -> GrpcServer:
        config = self._config
        self._operations = OperationStore()
        self._versions = Versions(self._catalogue, config.run_dir / paths.VERSIONS_DIR)
        limit = config.samples_per_insert_limit
        pace = Pace(self._versions, lambda: self._store.counts().train_rows, limit)
        self._supervisor = Supervisor(self._learner_command, learner_config(config))
        self._refits = Refits(
            self._operations, self._versions, pace, self._supervisor.send, self._say_health
        )
        self._report = StatusReport(config, self._store, self._refits, self._versions)
        return build_server(
            config.listen, self._servicings(), config.tls, MESSAGE_MAX_BYTES, daemon=daemon
        )

    def _servicings(self) -> list[Servicing]:
        ingest = IngestServicer(
            self._store,
            self._writer,
            row_layout(self._task),
            self._task.name,
            on_stored=self._refits.start_next,
            on_error=self._note_ingest_error,
        )
        model = ModelServicer(self._refits, self._versions, self._report)
        return [
            Servicing(INGEST_SERVICE, trainer_pb2_grpc.add_IngestServiceServicer_to_server, ingest),
            Servicing(MODEL_SERVICE, trainer_pb2_grpc.add_ModelServiceServicer_to_server, model),
            Servicing(
                SERVICE_NAME,
                operations_pb2_grpc.add_OperationsServicer_to_server,
                OperationsServicer(self._operations),
            ),
        ]

    @contextlib.asynccontextmanager
    async def _learning(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Runs the learner's supervision; the daemon stops when it ends by itself."""
        self._stop = stop
        supervise = partial(self._supervisor.run, self._refits)
        tasks = [
            asyncio.create_task(through_shortages(work, Backoff(random.Random())))
            for work in (supervise, self._refits.run, self._look_after_writer)
        ]
        for task in tasks:
            task.add_done_callback(lambda _: stop.set())
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _note_ingest_error(self, error: str) -> None:
        self._report.ingest_error = error

    async def _look_after_writer(self) -> None:
        """Ask every LOOK_S whether rows can be stored; returns, which ends the daemon, when not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time()
        contents = asyncio.create_task(self._read_through())
        while True:
            try:
                await asyncio.to_thread(self._writer.check)
                if contents.done():
                    contents.result()
            except StoreError as error:
                log.error("store_failed", reason=error.reason, error=str(error))
                self._code = exit_codes.FAULT
                self._report.ingest_error = str(error)
                await self._server.set_serving(INGEST_SERVICE, False)
                return
            deadline = max(deadline + LOOK_S, loop.time())
            await asyncio.sleep(deadline - loop.time())

    async def _read_through(self) -> None:
        """Look for damage in all that is stored; in a shortage that is left to the next start."""
        with contextlib.suppress(StoreBusyError):
            await asyncio.to_thread(self._store.check_contents, self._stop.is_set)

    def _say_health(self, well: bool) -> None:
        self._health = asyncio.ensure_future(self._server.set_serving(MODEL_SERVICE, well))
