"""A real server on loopback: admission, error mapping, health, reflection, addresses."""

import asyncio
import contextlib

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from mbctl.exit_codes import StartUpError
from protos import controller_pb2, controller_pb2_grpc, trainer_pb2, trainer_pb2_grpc
from services.channel import open_aio_channel
from services.daemon_name import DaemonName, name_in
from services.errors import reason_of, refusal
from services.server import Servicing, build_server, check_listen

SAFETY = "mbctl.v1.SafetyService"
ROBOT = "mbctl.v1.RobotService"


class _Safety(controller_pb2_grpc.SafetyServiceServicer):
    async def EmergencyStop(self, request, context):
        return controller_pb2.EmergencyStopResponse(latency_ms=1.5)

    async def ReleaseEmergencyStop(self, request, context):
        raise RuntimeError("nobody thought of this")


class _Robot(controller_pb2_grpc.RobotServiceServicer):
    async def GetStatus(self, request, context):
        return controller_pb2.GetStatusResponse(robot="dclaw0")

    async def Activate(self, request, context):
        raise refusal("LEASE_REQUIRED", "no lease", [("lease_token", "empty")])

    async def WatchStatus(self, request, context):
        yield controller_pb2.GetStatusResponse(robot="first")
        raise refusal("NO_POLICY", "gone")


def _servicings():
    return [
        Servicing(SAFETY, controller_pb2_grpc.add_SafetyServiceServicer_to_server, _Safety()),
        Servicing(ROBOT, controller_pb2_grpc.add_RobotServiceServicer_to_server, _Robot()),
    ]


@contextlib.asynccontextmanager
async def _serving():
    server = build_server("127.0.0.1:0", _servicings())
    await server.start()
    try:
        async with open_aio_channel(server.address) as channel:
            yield server, channel
    finally:
        await server.stop(0)


async def _failure(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return reason_of(caught.value)


def test_a_refusal_arrives_with_code_reason_and_message():
    async def scenario():
        async with _serving() as (_, channel):
            robot = controller_pb2_grpc.RobotServiceStub(channel)
            return await _failure(robot.Activate(controller_pb2.ActivateRequest(), timeout=5))

    expected = (grpc.StatusCode.PERMISSION_DENIED, "LEASE_REQUIRED", "no lease")
    assert asyncio.run(scenario()) == expected


def test_an_unexpected_exception_is_internal_and_names_itself():
    async def scenario():
        async with _serving() as (_, channel):
            safety = controller_pb2_grpc.SafetyServiceStub(channel)
            request = controller_pb2.ReleaseEmergencyStopRequest()
            return await _failure(safety.ReleaseEmergencyStop(request, timeout=5))

    code, reason, message = asyncio.run(scenario())
    assert (code, reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "nobody thought of this" in message


def test_unary_calls_need_a_deadline_of_at_most_thirty_seconds():
    async def scenario():
        async with _serving() as (_, channel):
            robot = controller_pb2_grpc.RobotServiceStub(channel)
            request = controller_pb2.GetStatusRequest()
            without = await _failure(robot.GetStatus(request))
            long = await _failure(robot.GetStatus(request, timeout=120))
            answer = await robot.GetStatus(request, timeout=30)
            return without, long, answer.robot

    without, long, robot = asyncio.run(scenario())
    assert without[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "DEADLINE_REQUIRED")
    assert long[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "DEADLINE_TOO_LONG")
    assert robot == "dclaw0"


def test_an_emergency_stop_is_served_without_a_deadline():
    async def scenario():
        async with _serving() as (_, channel):
            safety = controller_pb2_grpc.SafetyServiceStub(channel)
            return await safety.EmergencyStop(controller_pb2.EmergencyStopRequest())

    assert asyncio.run(scenario()).latency_ms == 1.5


def test_a_stream_delivers_and_then_says_why_it_ended():
    async def scenario():
        async with _serving() as (_, channel):
            robot = controller_pb2_grpc.RobotServiceStub(channel)
            call = robot.WatchStatus(controller_pb2.WatchStatusRequest())
            first = await call.read()
            return first.robot, await _failure(call.read())

    robot, (code, reason, _) = asyncio.run(scenario())
    assert (robot, code, reason) == ("first", grpc.StatusCode.FAILED_PRECONDITION, "NO_POLICY")


def test_stopping_ends_open_streams_with_a_reason(capfd):
    async def scenario():
        server = build_server("127.0.0.1:0", [_watching()])
        await server.start()
        async with open_aio_channel(server.address) as channel:
            robot = controller_pb2_grpc.RobotServiceStub(channel)
            call = robot.WatchStatus(controller_pb2.WatchStatusRequest())
            await call.read()
            reading = asyncio.ensure_future(_failure(call.read()))
            await server.drain()
            await server.stop(1.0)
            return await reading

    code, reason, _ = asyncio.run(scenario())
    assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
    assert "Traceback" not in capfd.readouterr().err


def _watching():
    class Watching(controller_pb2_grpc.RobotServiceServicer):
        async def WatchStatus(self, request, context):
            yield controller_pb2.GetStatusResponse(robot="first")
            await asyncio.sleep(60)

    return Servicing(ROBOT, controller_pb2_grpc.add_RobotServiceServicer_to_server, Watching())


def test_a_message_over_the_limit_is_refused():
    async def scenario():
        async with _serving() as (_, channel):
            robot = controller_pb2_grpc.RobotServiceStub(channel)
            request = controller_pb2.ActivateRequest(lease_token="x" * (2 * 1024 * 1024))
            return await _failure(robot.Activate(request, timeout=5))

    assert asyncio.run(scenario())[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_compressed_message_is_refused():
    async def scenario():
        async with _serving() as (_, channel):
            robot = controller_pb2_grpc.RobotServiceStub(channel)
            request = controller_pb2.ActivateRequest(lease_token="x" * 100_000)
            gzip = grpc.Compression.Gzip
            return await _failure(robot.Activate(request, timeout=5, compression=gzip))

    assert asyncio.run(scenario())[0] is grpc.StatusCode.UNIMPLEMENTED


def test_health_is_per_service_and_reflection_lists_them():
    async def scenario():
        async with _serving() as (server, channel):
            health = health_pb2_grpc.HealthStub(channel)
            await server.set_serving(ROBOT, False)
            requests = [health_pb2.HealthCheckRequest(service=s) for s in (SAFETY, ROBOT)]
            statuses = [(await health.Check(r, timeout=5)).status for r in requests]
            reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
            question = reflection_pb2.ServerReflectionRequest(list_services="")
            call = reflection.ServerReflectionInfo(iter([question]))
            listed = [s.name for s in (await call.read()).list_services_response.service]
            return statuses, listed

    statuses, listed = asyncio.run(scenario())
    response = health_pb2.HealthCheckResponse
    assert statuses == [response.SERVING, response.NOT_SERVING]
    assert {SAFETY, ROBOT} <= set(listed)


def test_a_port_in_use_is_a_start_up_error():
    async def scenario():
        async with _serving() as (server, _):
            with pytest.raises(StartUpError, match=r"cannot listen on 127\.0\.0\.1"):
                build_server(server.address, _servicings())

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "localhost:50051", "[::1]:50051", "unix:/run/robot.sock"]
)
def test_addresses_of_this_machine_need_no_tls(listen):
    check_listen(listen, None)
    with pytest.raises(StartUpError, match="no TLS"):
        check_listen("0.0.0.0:50051", None)


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("0.0.0.0:50051", "no TLS"),
        ("192.168.1.4:50051", "no TLS"),
        ("robot.lab:50051", "no TLS"),
        ("50051", "not host:port"),
        ("127.0.0.1:99999", "not host:port"),
        (":50051", "not host:port"),
    ],
)
def test_other_addresses_are_refused(listen, message):
    with pytest.raises(StartUpError, match=message):
        check_listen(listen, None)


def _named(daemon: DaemonName):
    return build_server("127.0.0.1:0", _servicings(), daemon=daemon)


def test_every_answer_says_which_daemon_gives_it():
    async def scenario():
        server = _named(DaemonName("controller", "left"))
        await server.start()
        async with open_aio_channel(server.address) as channel:
            robot = controller_pb2_grpc.RobotServiceStub(channel)
            answered = robot.GetStatus(controller_pb2.GetStatusRequest(), timeout=5)
            await answered
            names = [name_in(await answered.trailing_metadata())]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await robot.Activate(controller_pb2.ActivateRequest(), timeout=5)
            names.append(name_in(refused.value.trailing_metadata()))
            reason = reason_of(refused.value)[1]
        await server.stop(0)
        return names, reason

    assert asyncio.run(scenario()) == (["left", "left"], "LEASE_REQUIRED")


def test_who_calls_the_wrong_daemon_is_told_what_it_is_and_whom_to_call():
    async def scenario():
        server = _named(DaemonName("controller", "left", "127.0.0.1:50052"))
        await server.start()
        async with open_aio_channel(server.address) as channel:
            model = trainer_pb2_grpc.ModelServiceStub(channel)
            ingest = trainer_pb2_grpc.IngestServiceStub(channel)
            unary = await _failure(
                model.GetTrainerStatus(trainer_pb2.GetTrainerStatusRequest(), timeout=5)
            )
            stream = await _failure(
                model.WatchTrainerStatus(trainer_pb2.WatchTrainerStatusRequest()).read()
            )
            up = await _failure(ingest.StreamChunks(timeout=5).read())
            newer = await _failure(
                channel.unary_unary("/mbctl.v1.RobotService/Dance")(b"", timeout=5)
            )
        await server.stop(0)
        return [unary, stream, up, newer]

    answers = asyncio.run(scenario())
    assert {(code, reason) for code, reason, _ in answers} == {
        (grpc.StatusCode.UNIMPLEMENTED, "WRONG_DAEMON")
    }
    for _, _, message in answers[:3]:
        assert "this is the controller of left" in message
        assert "127.0.0.1:50052" in message
        assert "MBCTL_MODEL_TARGET" in message
    assert "no method /mbctl.v1.RobotService/Dance" in answers[3][2]
