"""Many calls at once on a real server: what is refused, and what never is."""

import asyncio
import contextlib

import grpc
import grpc.aio
import pytest

from protos import controller_pb2, controller_pb2_grpc
from services.channel import CHANNEL_OPTIONS
from services.errors import reason_of
from services.interceptors import ALWAYS_SERVED, NOT_COUNTED, marked_methods
from services.server import Servicing, build_server

SAFETY = "mbctl.v1.SafetyService"
ROBOT = "mbctl.v1.RobotService"
CONNECTIONS, CALLS_EACH = 5, 60
REFUSED = CONNECTIONS * CALLS_EACH - 256


class _Safety(controller_pb2_grpc.SafetyServiceServicer):
    async def EmergencyStop(self, request, context):
        return controller_pb2.EmergencyStopResponse()


class _Robot(controller_pb2_grpc.RobotServiceServicer):
    async def GetStatus(self, request, context):
        return controller_pb2.GetStatusResponse(robot="dclaw0")

    async def WatchStatus(self, request, context):
        yield controller_pb2.GetStatusResponse()
        await asyncio.sleep(60)

    async def Jog(self, request, context):
        await asyncio.sleep(60)

    async def RetainLease(self, request, context):
        return controller_pb2.Lease()

    async def ReturnLease(self, request, context):
        return controller_pb2.ReturnLeaseResponse()

    async def Deactivate(self, request, context):
        return controller_pb2.DeactivateResponse()


@contextlib.asynccontextmanager
async def _served():
    """Stubs of an honest client, and one stub for each connection of a greedy one."""
    add = controller_pb2_grpc
    server = build_server(
        "127.0.0.1:0",
        [
            Servicing(SAFETY, add.add_SafetyServiceServicer_to_server, _Safety()),
            Servicing(ROBOT, add.add_RobotServiceServicer_to_server, _Robot()),
        ],
    )
    await server.start()
    options = (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1))
    async with contextlib.AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(
                grpc.aio.insecure_channel(server.address, options=options)
            )
            for _ in range(CONNECTIONS + 1)
        ]
        robots = [controller_pb2_grpc.RobotServiceStub(channel) for channel in channels]
        safety = controller_pb2_grpc.SafetyServiceStub(channels[0])
        yield robots[0], safety, robots[1:]
        await server.stop(0)


async def _refusals(calls):
    """What the calls that are refused say; all others stay open."""
    deadline = asyncio.get_running_loop().time() + 20.0
    while sum(call.done() for call in calls) < REFUSED:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)  # any more would be refused by now
    return [await call.details() for call in calls if call.done()]


async def _reason(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return reason_of(caught.value)[1]


async def _serve_what_is_exempt(robot, safety):
    await safety.EmergencyStop(controller_pb2.EmergencyStopRequest(), timeout=5)
    await robot.RetainLease(controller_pb2.RetainLeaseRequest(), timeout=5)
    await robot.Deactivate(controller_pb2.DeactivateRequest(), timeout=5)
    await robot.ReturnLease(controller_pb2.ReturnLeaseRequest(), timeout=5)


def test_idle_streams_keep_nobody_from_calling():
    async def scenario():
        async with _served() as (robot, safety, greedy):
            request = controller_pb2.WatchStatusRequest()
            streams = [g.WatchStatus(request) for g in greedy for _ in range(CALLS_EACH)]
            reads = [asyncio.ensure_future(stream.read()) for stream in streams]
            refused = await _refusals(streams)
            await _serve_what_is_exempt(robot, safety)
            answer = await robot.GetStatus(controller_pb2.GetStatusRequest(), timeout=5)
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*reads, return_exceptions=True)
            return refused, answer.robot

    refused, robot = asyncio.run(scenario())
    assert len(refused) == REFUSED
    assert all("256 streams are open" in details for details in refused)
    assert robot == "dclaw0"


def test_open_calls_never_keep_a_holder_from_its_lease_nor_anybody_from_stopping():
    async def scenario():
        async with _served() as (robot, safety, greedy):
            request = controller_pb2.JogRequest()
            calls = [g.Jog(request, timeout=30) for g in greedy for _ in range(CALLS_EACH)]
            await _refusals(calls)
            status = await _reason(robot.GetStatus(controller_pb2.GetStatusRequest(), timeout=5))
            await _serve_what_is_exempt(robot, safety)
            for call in calls:
                call.cancel()
            return status

    assert asyncio.run(scenario()) == "TOO_MANY_CALLS"


def test_every_exempt_method_exists():
    services = controller_pb2.DESCRIPTOR.services_by_name.values()
    methods = {f"/{s.full_name}/{m.name}" for s in services for m in s.methods}
    assert methods >= NOT_COUNTED


def test_methods_are_marked_in_the_wire_format():
    robot, safety, episodes = (
        f"/mbctl.v1.{name}Service/" for name in ("Robot", "Safety", "Episode")
    )
    assert marked_methods(controller_pb2.lease_required) == {
        robot + "Activate",
        robot + "Deactivate",
        robot + "Jog",
        episodes + "RunEpisodes",
    }
    assert {safety + "EmergencyStop"} == ALWAYS_SERVED
    assert (
        ALWAYS_SERVED
        | {
            robot + "RetainLease",
            robot + "ReturnLease",
            robot + "Deactivate",
        }
        == NOT_COUNTED
    )
