"""EpisodeService: batches of episodes as operations, the list of episodes, their event stream."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc.aio
from google.longrunning.operations_proto_pb2 import Operation

from hal.lifecycle import Lifecycle
from mbctl.data.chunk import NAMED_INDEX_MAX, Purpose
from mbctl.data.sqlite import StoreError
from protos import common_pb2, controller_pb2, controller_pb2_grpc
from services import wire
from services.controller.batches import BatchRequest, EpisodeOperations
from services.controller.events import EpisodeEvent, EpisodeLog
from services.controller.policy_source import PolicySource
from services.controller.spool import Spool
from services.controller.view import ControlView
from services.errors import invalid_field, refusal

COUNT_MAX = 100_000
PAGE_MAX = 1000

Context = grpc.aio.ServicerContext


class EpisodeServicer(controller_pb2_grpc.EpisodeServiceServicer):
    """See protos/controller.proto. That a lease is held was checked before."""

    def __init__(
        self,
        batches: EpisodeOperations,
        episode_log: EpisodeLog,
        view: ControlView,
        policies: PolicySource,
        spool: Spool,
        check_lease: Callable[[str], object],
    ) -> None:
        self._batches = batches
        self._log = episode_log
        self._view = view
        self._policies = policies
        self._spool = spool
        self._check_lease = check_lease

    async def RunEpisodes(
        self, request: controller_pb2.RunEpisodesRequest, context: Context
    ) -> Operation:
        batch = checked_batch(request)
        await asyncio.to_thread(self._check_not_run, request.request_id)
        self._check_lease(request.lease_token)  # it may have been taken over meanwhile
        self._check_ready(request.minimum_policy_version)
        return (await self._batches.start(batch)).to_proto()

    async def ListEpisodes(
        self, request: controller_pb2.ListEpisodesRequest, context: Context
    ) -> controller_pb2.ListEpisodesResponse:
        """Newest first, all that ever left rows in this spool, or those of one purpose."""
        size, before = request.page_size or 100, request.page_token
        if not 1 <= size <= PAGE_MAX:
            raise invalid_field("page_size", request.page_size, f"0 to {PAGE_MAX}")
        if before and not (before.isdecimal() and len(before) <= 15):
            raise invalid_field("page_token", before, "the next_page_token of an earlier answer")
        entry = int(before) if before else None
        purpose = _purpose(request.purpose) if request.purpose else None
        find = self._spool.episodes
        page = await asyncio.to_thread(find, entry, size, purpose)  # may wait for the disk
        token = str(page[-1][0]) if len(page) == size else ""
        episodes = [wire.episode_to_proto(episode) for _, episode in page]
        return controller_pb2.ListEpisodesResponse(episodes=episodes, next_page_token=token)

    async def WatchEpisodes(
        self, request: controller_pb2.WatchEpisodesRequest, context: Context
    ) -> AsyncIterator[controller_pb2.EpisodeEvent]:
        if request.after_event < 0:
            raise invalid_field("after_event", request.after_event, "0 or an event number")
        async for event in self._log.watch(request.after_event):
            yield event_to_proto(event)

    def _check_not_run(self, request_id: str) -> None:
        """Also where the controller has been restarted since, and remembers no operation."""
        try:
            known = self._spool.request(request_id)
        except StoreError as error:
            raise refusal(error.reason, str(error)) from error
        if known is not None:
            purpose, index = known
            raise refusal(
                "EPISODE_REPEATED",
                f"request_id {request_id!r} has been carried out, from {purpose} episode {index} "
                "on, and its operation is forgotten: what is stored of it is in the list of "
                "episodes; use a new request_id for more",
                first_index=str(index),
            )

    def _check_ready(self, minimum_policy_version: int) -> None:
        self._view.check_reachable()
        lifecycle = self._view.lifecycle
        if lifecycle is not Lifecycle.ACTIVE:
            raise refusal(
                "WRONG_LIFECYCLE",
                f"the robot is {lifecycle.name}, episodes need ACTIVE: {_remedy(lifecycle)}",
                [("lifecycle", lifecycle.name)],
                lifecycle=lifecycle.name,
            )
        self._check_policy(minimum_policy_version)
        if (cannot_store := self._spool.refusal) is not None:
            raise cannot_store

    def _check_policy(self, minimum: int) -> None:
        version = self._policies.current
        if version == 0:
            raise refusal("NO_POLICY", f"no policy is loaded: {self._policies.why_none}")
        if version < minimum:
            raise refusal(
                "POLICY_TOO_OLD",
                f"policy version {version} is loaded, at least {minimum} was asked for",
                [("minimum_policy_version", f"{minimum}, loaded is {version}")],
                version=str(version),
            )


def checked_batch(request: controller_pb2.RunEpisodesRequest) -> BatchRequest:
    """What to run.

    Raises:
        ServiceError: a field is out of range.
    """
    if not 1 <= request.count <= COUNT_MAX:
        raise invalid_field("count", request.count, f"1 to {COUNT_MAX:,}")
    first_index = request.first_index if request.HasField("first_index") else None
    if not 0 <= request.first_index <= NAMED_INDEX_MAX:
        raise invalid_field("first_index", request.first_index, f"0 to {NAMED_INDEX_MAX}")
    if request.minimum_policy_version < 0:
        raise invalid_field("minimum_policy_version", request.minimum_policy_version, "0 or more")
    purpose = _purpose(request.purpose or common_pb2.EPISODE_PURPOSE_TRAIN)
    return BatchRequest(request.count, purpose, request.explore, first_index, request.request_id)


def event_to_proto(event: EpisodeEvent) -> controller_pb2.EpisodeEvent:
    """The event with its number."""
    message = controller_pb2.EpisodeEvent(event=event.number, skipped=event.skipped)
    record = message.started if event.kind == "started" else message.finished
    record.CopyFrom(wire.episode_to_proto(event.episode))
    return message


def _purpose(number: int) -> Purpose:
    try:
        return wire.purpose_from_proto(number)
    except ValueError as error:
        expected = "EPISODE_PURPOSE_TRAIN or EPISODE_PURPOSE_EVALUATE"
        raise invalid_field("purpose", number, expected) from error


def _remedy(lifecycle: Lifecycle) -> str:
    if lifecycle is Lifecycle.E_STOPPED:
        return "release the emergency stop, then activate"
    if lifecycle is Lifecycle.FAULT:
        return "clear the fault, then activate"
    return "activate it first"
