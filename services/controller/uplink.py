"""Carries rows from the spool to the trainer, for as long as it takes.

Whichever daemon starts first, and however often the other goes away: reconnect, agree where to
resume, send from there, forget what is acknowledged. An acknowledgement means durable.
"""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import grpc
import grpc.aio
import structlog

from mbctl.data.chunk import public_name
from mbctl.data.layout import RowLayout
from mbctl.data.sqlite import StoreError
from protos import trainer_pb2, trainer_pb2_grpc
from services import wire
from services.backoff import Backoff
from services.controller.agreement import Agreement, AgreementError
from services.controller.spool import AcknowledgementError, Spool
from services.errors import reason_of

READ_CHUNKS = 64
UNACKNOWLEDGED_MAX = 16_384  # rows on their way; bounds what a slow trainer makes us buffer

log = structlog.get_logger()


class Uplink:
    """One robot's row stream; `run` never returns."""

    def __init__(
        self,
        spool: Spool,
        robot: str,
        layout: RowLayout,
        channel: grpc.aio.Channel,
        rng: random.Random,
    ) -> None:
        self._spool = spool
        self._robot = robot
        self._layout = layout
        self._stub = trainer_pb2_grpc.IngestServiceStub(channel)
        self._agreement = Agreement(spool, robot, self._stub)
        self._backoff = Backoff(rng)
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._acknowledged = 1
        self.error = "not connected yet"
        spool.on_stored(self._wake_up)

    async def run(self) -> None:
        """Keep a stream open, with growing pauses while the trainer is away."""
        while True:
            try:
                await self._session()
                self.error = "the trainer ended the stream"
            except grpc.aio.AioRpcError as error:
                code, reason, message = reason_of(error)
                self._report(f"{reason or code.name}: {message}")
            except (AgreementError, AcknowledgementError) as error:
                self._report(str(error))
            except StoreError as error:  # nothing is lost: it is all sent again
                self._report(str(error))
            finally:
                self._spool.trainer_connected = False
            await self._backoff.wait()

    async def _session(self) -> None:
        resume = await self._agreement.reach()
        self._acknowledged = resume
        call = self._stub.StreamChunks()
        try:
            await call.write(trainer_pb2.StreamChunksRequest(hello=self._hello()))
            await _until_one_ends(self._receive(call), self._send(call, resume))
        finally:
            call.cancel()

    async def _send(self, call: grpc.aio.StreamStreamCall, sequence: int) -> None:
        try:
            await self._send_all(call, sequence)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the call has ended
            await asyncio.Future()  # `_receive` hears why

    async def _send_all(self, call: grpc.aio.StreamStreamCall, sequence: int) -> None:
        while True:
            self._wake.clear()
            chunks = []
            if sequence - self._acknowledged < UNACKNOWLEDGED_MAX:
                chunks = await asyncio.to_thread(self._spool.chunks_from, sequence, READ_CHUNKS)
            for chunk in chunks:
                await call.write(trainer_pb2.StreamChunksRequest(chunk=wire.chunk_to_proto(chunk)))
                sequence = chunk.next_sequence
            if not chunks:
                await self._wake.wait()

    async def _receive(self, call: grpc.aio.StreamStreamCall) -> None:
        async for answer in call:
            self._backoff.succeed()
            if not self._spool.trainer_connected:  # the hello was accepted
                self._connected(answer.next_sequence)
            sequence, digest = answer.next_sequence, answer.digest
            await asyncio.to_thread(self._spool.acknowledge, sequence, digest)
            self._acknowledged = sequence
            self._wake.set()

    def _connected(self, next_sequence: int) -> None:
        self._spool.trainer_connected = True
        self.error = ""
        log.info("uplink_open", spool=public_name(self._spool.spool_id), resume_at=next_sequence)

    def _report(self, error: str) -> None:
        if error != self.error:
            log.warning("uplink_down", error=error)
        self.error = error

    def _wake_up(self) -> None:
        self._loop.call_soon_threadsafe(self._wake.set)

    def _hello(self) -> trainer_pb2.Hello:
        return trainer_pb2.Hello(
            spool_id=self._spool.spool_id,
            robot=self._robot,
            layout=wire.layout_to_proto(self._layout),
        )


async def _until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until the first returns or fails; raises what it raised, and leaves none running."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in (task for task in tasks if task in ended):
        task.result()
