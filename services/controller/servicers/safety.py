"""SafetyService: the emergency stop. Needs no lease, no deadline, no free slot."""

import time

import grpc.aio

from protos import controller_pb2, controller_pb2_grpc
from services.controller.supervisor import ControlSupervisor

REASON_MAX = 200

Context = grpc.aio.ServicerContext


class SafetyServicer(controller_pb2_grpc.SafetyServiceServicer):
    """See protos/controller.proto."""

    def __init__(self, supervisor: ControlSupervisor) -> None:
        self._supervisor = supervisor

    async def EmergencyStop(
        self, request: controller_pb2.EmergencyStopRequest, context: Context
    ) -> controller_pb2.EmergencyStopResponse:
        """Answers when torque is off. Repeating it stops again, which harms nobody."""
        received_ns = time.monotonic_ns()
        # A stop is never refused for how it was asked for: the text is cut, not checked.
        words = "".join(c for c in request.reason[:REASON_MAX] if c.isprintable())
        stopped = await self._supervisor.emergency_stop(words or "no reason given")
        return controller_pb2.EmergencyStopResponse(
            lifecycle=int(stopped.lifecycle),  # pyright: ignore[reportArgumentType]  # same numbers
            latency_ms=(stopped.done_ns - received_ns) / 1e6,
            torque_off_failed=stopped.torque_off_failed,
        )

    async def ReleaseEmergencyStop(
        self, request: controller_pb2.ReleaseEmergencyStopRequest, context: Context
    ) -> controller_pb2.ReleaseEmergencyStopResponse:
        lifecycle = await self._supervisor.release_emergency_stop()
        return controller_pb2.ReleaseEmergencyStopResponse(
            lifecycle=int(lifecycle)  # pyright: ignore[reportArgumentType]  # same numbers
        )
