"""Where a row stream resumes, and what happens when spool and trainer have different pasts.

Either may have been put back from a backup, or be another one than before. Rows that the trainer
provably has are forgotten; all others are kept, and go on under a new spool id where the old one
does not fit any more.
"""

import asyncio
from dataclasses import dataclass

import structlog

from hal.errors import ReasonedError
from mbctl.data.chunk import INDEX_MAX, NUMBER_MAX, public_name
from protos import trainer_pb2, trainer_pb2_grpc
from services.controller.spool import Spool

CALL_S = 5.0

log = structlog.get_logger()


class AgreementError(ReasonedError):
    """What the trainer says does not let anybody agree with it."""

    reason = "TRAINER_NONSENSE"
    shows_reason = True


@dataclass(frozen=True)
class _Parting:
    """Row `sequence` is the first that has to go on under a new id; `reason` says why."""

    sequence: int
    reason: str


def _check(answer: trainer_pb2.GetResumePointResponse) -> None:
    limits = {
        "next_sequence": (1, NUMBER_MAX),
        "next_train_index": (0, INDEX_MAX + 1),
        "next_evaluate_index": (0, INDEX_MAX + 1),
    }
    for name, (least, most) in limits.items():
        value = getattr(answer, name)
        if not least <= value <= most:
            raise AgreementError(f"the trainer's {name} is {value}, expected {least} to {most}")


class Agreement:
    """Between one robot's spool and the trainer behind `stub`."""

    def __init__(
        self, spool: Spool, robot: str, stub: "trainer_pb2_grpc.IngestServiceAsyncStub"
    ) -> None:
        self._spool = spool
        self._robot = robot
        self._stub = stub

    async def reach(self) -> int:
        """The row to send next, after which both agree about all before it.

        Raises:
            grpc.aio.AioRpcError: the trainer does not answer.
            AgreementError: it is too old to be asked, or talks nonsense.
            AcknowledgementError, StoreError: nothing was forgotten; try again later.
        """
        spool, point = self._spool, await self._ask()
        if await asyncio.to_thread(spool.agrees, point.next_sequence, point.digest):
            sequence = point.next_sequence
            await asyncio.to_thread(spool.acknowledge, sequence, point.digest)
        else:
            parting = await self._parting(point)
            await asyncio.to_thread(self._part, parting)
            sequence = 1
        next_indices = {"train": point.next_train_index, "evaluate": point.next_evaluate_index}
        await asyncio.to_thread(spool.make_distinct, sequence, self._robot, next_indices)
        return sequence

    async def _ask(self, boundary: int = 0) -> trainer_pb2.GetResumePointResponse:
        request = trainer_pb2.GetResumePointRequest(
            spool_id=self._spool.spool_id, robot=self._robot, boundary=boundary
        )
        answer = await self._stub.GetResumePoint(request, timeout=CALL_S)
        _check(answer)
        if answer.next_sequence > 1 and not answer.digest:
            raise AgreementError(
                "TRAINER_TOO_OLD: the trainer does not say which rows it has, only how many; "
                "rows wait until it is as new as this controller"
            )
        return answer

    async def _parting(self, point: trainer_pb2.GetResumePointResponse) -> _Parting:
        spool, reached = self._spool, point.next_sequence
        oldest = await asyncio.to_thread(spool.first_sequence)
        name = public_name(spool.spool_id)
        if reached < oldest:
            return _Parting(
                oldest,
                f"TRAINER_BEHIND: {oldest - reached} rows of spool {name} that a trainer "
                "acknowledged are not at this one: its database is an older one, or another",
            )
        following = spool.next_sequence
        sequence = await self._common_boundary(oldest)
        if reached > following:
            reason = (
                f"SPOOL_BEHIND: the trainer has {reached - following} rows of spool {name} that "
                "are not here: this run directory is an older one, such as one from a backup"
            )
        else:
            reason = (
                f"SPOOL_DIVERGED: from row {sequence} on the trainer has other rows of spool "
                f"{name} than this one: a copy of this run directory has been in use"
            )
        return _Parting(sequence, reason)

    async def _common_boundary(self, oldest: int) -> int:
        """The last end of a chunk here up to which the trainer has the same rows."""
        boundaries = [oldest, *await asyncio.to_thread(self._spool.boundaries)]
        same, other = 0, len(boundaries)
        while other - same > 1:
            middle = (same + other) // 2
            own = await asyncio.to_thread(self._spool.digest_at, boundaries[middle])
            theirs = (await self._ask(boundaries[middle])).boundary_digest
            same, other = (middle, other) if own == theirs else (same, middle)
        return boundaries[same]

    def _part(self, parting: _Parting) -> None:
        spool = self._spool
        parent = public_name(spool.spool_id)
        own = spool.digest_at(parting.sequence)
        if own is not None:  # compared with the trainer's just now
            spool.acknowledge(parting.sequence, own)
        spool.continue_from(parting.sequence, parting.reason)
        log.warning(
            "spool_continued",
            message=parting.reason,
            spool=public_name(spool.spool_id),
            parent=parent,
            rows_kept=spool.counts().rows,
        )
