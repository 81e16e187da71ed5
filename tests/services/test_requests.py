"""A retried request acts once; a reused id with another content is told so."""

import asyncio

import grpc
import grpc.aio
import pytest

from protos import controller_pb2, controller_pb2_grpc
from services.errors import ServiceError, reason_of, refusal
from services.requests import RequestMemory
from services.server import Servicing, build_server


class _Counter:
    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0

    async def act(self) -> int:
        self.calls += 1
        await asyncio.sleep(0.01)
        if self.failures:
            self.failures -= 1
            raise refusal("CONTROL_PROCESS_DIED", "not now")
        return self.calls


def _request(request_id: str, owner: str = "anna"):
    return controller_pb2.AcquireLeaseRequest(owner=owner, request_id=request_id)


def test_the_same_request_acts_once_even_when_both_run_at_once():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        both = await asyncio.gather(
            memory.once(_request("a"), counter.act), memory.once(_request("a"), counter.act)
        )
        later = await memory.once(_request("a"), counter.act)
        return [*both, later]

    assert asyncio.run(scenario()) == [1, 1, 1]


def test_without_an_id_every_call_acts():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        return [await memory.once(_request(""), counter.act) for _ in range(2)]

    assert asyncio.run(scenario()) == [1, 2]


def test_another_request_under_the_same_id_is_refused():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        await memory.once(_request("a"), counter.act)
        await memory.once(_request("a", owner="ben"), counter.act)

    with pytest.raises(ServiceError) as caught:
        asyncio.run(scenario())
    assert caught.value.reason == "REQUEST_ID_REUSED"


def test_a_failed_request_may_be_tried_again():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        counter.failures = 1
        with pytest.raises(ServiceError):
            await memory.once(_request("a"), counter.act)
        return await memory.once(_request("a"), counter.act)

    assert asyncio.run(scenario()) == 2


def test_work_goes_on_when_its_caller_goes_away():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        call = asyncio.create_task(memory.once(_request("a"), counter.act))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return await memory.once(_request("a"), counter.act)

    assert asyncio.run(scenario()) == 1


def test_old_ids_are_forgotten_beyond_a_bound():
    async def scenario():
        memory, counter = RequestMemory(remembered=2), _Counter()
        for request_id in ("a", "b", "c"):
            await memory.once(_request(request_id), counter.act)
        return await memory.once(_request("a"), counter.act)

    assert asyncio.run(scenario()) == 4


@pytest.mark.parametrize("request_id", ["x" * 65, "a\x00b"])
def test_malformed_ids_are_refused(request_id):
    with pytest.raises(ServiceError) as caught:
        asyncio.run(RequestMemory().once(_request(request_id), _Counter().act))
    assert caught.value.reason == "FIELD_INVALID"


class _Robot(controller_pb2_grpc.RobotServiceServicer):
    def __init__(self) -> None:
        self.calls = 0

    async def ClearFault(self, request, context):
        self.calls += 1
        return controller_pb2.ClearFaultResponse()

    async def RetainLease(self, request, context):
        self.calls += 1
        return controller_pb2.Lease(token=request.token)


class _Safety(controller_pb2_grpc.SafetyServiceServicer):
    def __init__(self) -> None:
        self.calls = 0

    async def EmergencyStop(self, request, context):
        self.calls += 1
        return controller_pb2.EmergencyStopResponse()


def test_on_a_server_calls_with_an_id_act_once_and_a_stop_acts_each_time():
    async def scenario() -> tuple[int, int, str]:
        robot, safety, add = _Robot(), _Safety(), controller_pb2_grpc
        servicings = [
            Servicing("robot", add.add_RobotServiceServicer_to_server, robot),
            Servicing("safety", add.add_SafetyServiceServicer_to_server, safety),
        ]
        server = build_server("127.0.0.1:0", servicings)
        await server.start()
        async with grpc.aio.insecure_channel(server.address) as channel:
            robots, stops = add.RobotServiceStub(channel), add.SafetyServiceStub(channel)
            for request_id in ("a", "a", "", "", "b"):
                request = controller_pb2.ClearFaultRequest(request_id=request_id)
                await robots.ClearFault(request, timeout=5)
            assert robot.calls == 4
            for _ in range(2):  # a request that has no id
                await robots.RetainLease(controller_pb2.RetainLeaseRequest(token="t"), timeout=5)
            for reason in ("first", "second", "second"):
                stop = controller_pb2.EmergencyStopRequest(reason=reason, request_id="a")
                await stops.EmergencyStop(stop, timeout=5)
            malformed = controller_pb2.ClearFaultRequest(request_id="x" * 65)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await robots.ClearFault(malformed, timeout=5)
        await server.stop(0)
        return robot.calls, safety.calls, reason_of(refused.value)[1]

    assert asyncio.run(scenario()) == (6, 3, "FIELD_INVALID")
