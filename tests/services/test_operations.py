"""Operations over a real loopback server: progress, waiting, cancelling, repeating, forgetting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from google.longrunning import operations_pb2_grpc
from google.longrunning import operations_proto_pb2 as longrunning
from google.protobuf import duration_pb2

from protos import trainer_pb2
from services.channel import open_aio_channel
from services.errors import ServiceError, reason_of, refusal
from services.operations import SERVICE_NAME, OperationsServicer, OperationStore
from services.server import Servicing, build_server

Stub = operations_pb2_grpc.OperationsStub
METADATA = trainer_pb2.RefitMetadata(phase="WAITING")


@asynccontextmanager
async def serving(store: OperationStore) -> AsyncIterator[Stub]:
    add = operations_pb2_grpc.add_OperationsServicer_to_server
    servicing = Servicing(SERVICE_NAME, add, OperationsServicer(store))
    server = build_server("127.0.0.1:0", [servicing])
    await server.start()
    try:
        async with open_aio_channel(server.address) as channel:
            yield Stub(channel)
    finally:
        await server.stop(0)


def with_server(scenario: Callable[[OperationStore, Stub], Awaitable[None]]) -> None:
    async def run() -> None:
        store = OperationStore(finished_kept=2)
        async with serving(store) as stub:
            await scenario(store, stub)

    asyncio.run(run())


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return reason_of(caught.value)[:2]


def test_waiting_ends_with_the_result() -> None:
    async def scenario(store: OperationStore, stub: Stub) -> None:
        handle = store.create("refits", METADATA)
        request = longrunning.WaitOperationRequest(name=handle.name)
        waiting = stub.WaitOperation(request, timeout=20)
        await asyncio.sleep(0.05)
        handle.set_metadata(trainer_pb2.RefitMetadata(phase="IMPROVE", fraction=0.5))
        handle.finish(trainer_pb2.RefitResponse(version=trainer_pb2.Version(version=3)))
        operation = await waiting
        response, metadata = trainer_pb2.RefitResponse(), trainer_pb2.RefitMetadata()
        assert operation.done
        assert operation.response.Unpack(response)
        assert operation.metadata.Unpack(metadata)
        assert (response.version.version, metadata.phase) == (3, "IMPROVE")

    with_server(scenario)


def test_waiting_answers_in_time_when_it_is_not_done() -> None:
    async def scenario(store: OperationStore, stub: Stub) -> None:
        handle = store.create("refits", METADATA)
        request = longrunning.WaitOperationRequest(name=handle.name)
        assert not (await stub.WaitOperation(request, timeout=0.3)).done
        request.timeout.CopyFrom(duration_pb2.Duration(nanos=10_000_000))
        assert not (await stub.WaitOperation(request, timeout=20)).done
        request.timeout.CopyFrom(duration_pb2.Duration(seconds=2**62))
        assert not (await stub.WaitOperation(request, timeout=0.3)).done
        request.timeout.CopyFrom(duration_pb2.Duration(seconds=-1))
        assert (await refused(stub.WaitOperation(request, timeout=5)))[1] == "FIELD_INVALID"

    with_server(scenario)


def test_cancelling_asks_the_work_once_and_the_work_decides() -> None:
    async def scenario(store: OperationStore, stub: Stub) -> None:
        asked: list[str] = []
        handle = store.create("refits", METADATA, on_cancel=lambda: asked.append("cancel"))
        for _ in range(2):
            await stub.CancelOperation(
                longrunning.CancelOperationRequest(name=handle.name), timeout=5
            )
        assert asked == ["cancel"]
        assert not handle.done
        code = grpc.StatusCode.CANCELLED
        handle.fail(ServiceError(code, "CANCELLED", "cancelled on request"))
        operation = await stub.GetOperation(
            longrunning.GetOperationRequest(name=handle.name), timeout=5
        )
        assert operation.error.code == code.value[0]

    with_server(scenario)


def test_unknown_running_and_misnamed_things_are_refused() -> None:
    async def scenario(store: OperationStore, stub: Stub) -> None:
        get = stub.GetOperation(longrunning.GetOperationRequest(name="operations/x"), timeout=5)
        assert await refused(get) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_OPERATION")
        name = store.create("refits", METADATA).name
        delete = stub.DeleteOperation(longrunning.DeleteOperationRequest(name=name), timeout=5)
        assert await refused(delete) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "OPERATION_RUNNING",
        )
        for request in ({"page_size": 5000}, {"page_token": "minus one"}):
            listing = stub.ListOperations(longrunning.ListOperationsRequest(**request), timeout=5)
            assert (await refused(listing))[1] == "FIELD_INVALID"

    with_server(scenario)


def test_listing_pages_and_deleting() -> None:
    async def scenario(store: OperationStore, stub: Stub) -> None:
        names = [store.create("refits", METADATA).name for _ in range(3)]
        store.create("episodes", METADATA)
        seen, token = [], ""
        while True:
            page = await stub.ListOperations(
                longrunning.ListOperationsRequest(
                    name="operations/refits/", page_size=2, page_token=token
                ),
                timeout=5,
            )
            seen += [operation.name for operation in page.operations]
            token = page.next_page_token
            if not token:
                break
        assert seen == names
        store.get(names[0]).finish(METADATA)
        await stub.DeleteOperation(longrunning.DeleteOperationRequest(name=names[0]), timeout=5)
        assert [handle.name for handle in store.list("operations/refits/")] == names[1:]

    with_server(scenario)


def test_old_results_are_forgotten_running_ones_never() -> None:
    store = OperationStore(finished_kept=2)
    running = store.create("refits", METADATA)
    for _ in range(5):
        store.create("refits", METADATA).finish(METADATA)
    store.create("refits", METADATA)
    assert [handle.name for handle in store.list() if handle.done] == [
        "operations/refits/5",
        "operations/refits/6",
    ]
    assert store.get(running.name) is running


def test_an_operation_ends_once() -> None:
    store = OperationStore()
    handle = store.create("refits", METADATA)
    store.fail_all(refusal("DRAINING", "the trainer stops"))
    with pytest.raises(RuntimeError, match="ended already"):
        handle.finish(METADATA)
    handle.set_metadata(trainer_pb2.RefitMetadata(phase="late"))
    metadata = trainer_pb2.RefitMetadata()
    handle.to_proto().metadata.Unpack(metadata)
    assert metadata.phase == "WAITING"
