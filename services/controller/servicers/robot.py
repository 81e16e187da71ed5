"""RobotService: status, lease and lifecycle of the one robot behind this controller."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable

import grpc.aio

from hal.lifecycle import Lifecycle
from protos import controller_pb2, controller_pb2_grpc
from services.controller.batches import EpisodeOperations
from services.controller.control.settings import (
    JOG_DELTA_MAX_RAD,
    JOG_SPEED_MAX_RAD_S,
    JOG_SPEED_MIN_RAD_S,
)
from services.controller.lease import LeaseBook
from services.controller.servo_reboots import ServoReboots
from services.controller.status import lease_to_proto
from services.controller.supervisor import ControlSupervisor
from services.errors import invalid_field, refusal

WATCH_MIN_MS, WATCH_MAX_MS, WATCH_DEFAULT_MS = 20, 60_000, 500
WATCH_SHARE_S = 0.005  # all watchers together get 200 answers a second
JOINT_MAX = 64
JOG_SPEED_DEFAULT_RAD_S = 0.1
JOG_REPLY_S = JOG_DELTA_MAX_RAD / JOG_SPEED_MIN_RAD_S + 5.0

Context = grpc.aio.ServicerContext
Status = Callable[[], controller_pb2.GetStatusResponse]


class RobotServicer(controller_pb2_grpc.RobotServiceServicer):
    """See protos/controller.proto."""

    def __init__(
        self,
        supervisor: ControlSupervisor,
        lease: LeaseBook,
        batches: EpisodeOperations,
        status: Status,
        reboots: ServoReboots,
    ) -> None:
        self._supervisor = supervisor
        self._lease = lease
        self._batches = batches
        self._status = status
        self._reboots = reboots
        self._watchers = 0
        self.draining = False

    async def GetStatus(
        self, request: controller_pb2.GetStatusRequest, context: Context
    ) -> controller_pb2.GetStatusResponse:
        return self._status()

    async def WatchStatus(
        self, request: controller_pb2.WatchStatusRequest, context: Context
    ) -> AsyncIterator[controller_pb2.GetStatusResponse]:
        """Each answer is the state at the time it is sent: a slow reader gets fewer, never old, and
        each of many gets fewer than he asks for."""
        period_ms = request.period_ms or WATCH_DEFAULT_MS
        if not WATCH_MIN_MS <= period_ms <= WATCH_MAX_MS:
            raise invalid_field("period_ms", period_ms, f"{WATCH_MIN_MS} to {WATCH_MAX_MS}, or 0")
        self._watchers += 1
        try:
            async for _ in self._ticks(period_ms / 1000):
                yield self._status()
        finally:
            self._watchers -= 1

    async def _ticks(self, period_s: float) -> AsyncIterator[None]:
        """Moments `period_s` apart, or further where the watchers are many: a stop comes first."""
        loop = asyncio.get_running_loop()
        deadline = loop.time()
        while True:
            yield
            deadline = max(deadline + max(period_s, self._watchers * WATCH_SHARE_S), loop.time())
            await asyncio.sleep(deadline - loop.time())

    async def AcquireLease(
        self, request: controller_pb2.AcquireLeaseRequest, context: Context
    ) -> controller_pb2.Lease:
        if self.draining:
            raise refusal("DRAINING", "the controller is shutting down")
        held = self._lease.current
        lease = self._lease.acquire(request.owner, request.window_s, request.take)
        if held is not None:
            taken = f"{lease.owner!r} took the lease over from {held.owner!r}"
            self._batches.cancel(refusal("LEASE_LOST", taken))
        return lease_to_proto(lease, with_token=True)

    async def RetainLease(
        self, request: controller_pb2.RetainLeaseRequest, context: Context
    ) -> controller_pb2.Lease:
        return lease_to_proto(self._lease.retain(request.token), with_token=True)

    async def ReturnLease(
        self, request: controller_pb2.ReturnLeaseRequest, context: Context
    ) -> controller_pb2.ReturnLeaseResponse:
        self._lease.give_back(request.token)
        return controller_pb2.ReturnLeaseResponse()

    async def Activate(
        self, request: controller_pb2.ActivateRequest, context: Context
    ) -> controller_pb2.ActivateResponse:
        lifecycle = await self._supervisor.change("activate", Lifecycle.ACTIVE)
        return controller_pb2.ActivateResponse(lifecycle=int(lifecycle))  # pyright: ignore[reportArgumentType]  # same numbers

    async def Deactivate(
        self, request: controller_pb2.DeactivateRequest, context: Context
    ) -> controller_pb2.DeactivateResponse:
        lifecycle = await self._supervisor.change("deactivate", Lifecycle.INACTIVE)
        return controller_pb2.DeactivateResponse(lifecycle=int(lifecycle))  # pyright: ignore[reportArgumentType]  # same numbers

    async def ClearFault(
        self, request: controller_pb2.ClearFaultRequest, context: Context
    ) -> controller_pb2.ClearFaultResponse:
        lifecycle = await self._supervisor.clear_fault()
        return controller_pb2.ClearFaultResponse(lifecycle=int(lifecycle))  # pyright: ignore[reportArgumentType]  # same numbers

    async def Jog(
        self, request: controller_pb2.JogRequest, context: Context
    ) -> controller_pb2.JogResponse:
        speed = request.speed_rad_s or JOG_SPEED_DEFAULT_RAD_S
        _check_within("delta_rad", request.delta_rad, -JOG_DELTA_MAX_RAD, JOG_DELTA_MAX_RAD)
        _check_within("speed_rad_s", speed, JOG_SPEED_MIN_RAD_S, JOG_SPEED_MAX_RAD_S)
        _check_joint(request.joint)
        start = self._position(request.joint)
        await self._supervisor.perform(
            "jog",
            reply_s=JOG_REPLY_S,
            joint=request.joint,
            delta_rad=request.delta_rad,
            speed_rad_s=speed,
        )
        return controller_pb2.JogResponse(
            start_rad=start, position_rad=self._position(request.joint)
        )

    async def RebootServo(
        self, request: controller_pb2.RebootServoRequest, context: Context
    ) -> controller_pb2.RebootServoResponse:
        if not request.all:
            _check_joint(request.joint)
        elif request.joint:
            raise invalid_field("joint", request.joint, "none beside all")
        joints = [request.joint]
        if request.all:
            joints = await self._reboots.all_latched()
        else:
            await self._reboots.one(request.joint)
        return controller_pb2.RebootServoResponse(
            lifecycle=self._status().lifecycle,
            reboots_left=self._reboots.left(joints),
            joints=joints,
        )

    def _position(self, joint: str) -> float:
        """Measured last; NaN where there is no such joint."""
        state = self._status().state
        positions = dict(zip(state.joint_names, state.joint_position_rad, strict=True))
        return positions.get(joint, math.nan)


def _check_within(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # NaN is not, either
        raise invalid_field(field, value, f"{low:.4g} to {high:.4g}")


def _check_joint(joint: str) -> None:
    if not 0 < len(joint) <= JOINT_MAX or not joint.isprintable():
        raise invalid_field("joint", joint, f"the name of a joint, up to {JOINT_MAX} characters")
