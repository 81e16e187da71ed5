"""A controller daemon with a virtual bus: what the rows that name processes or gRPC run on."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import grpc
import pytest

from hal.lifecycle import Lifecycle
from services.client import ControllerClient
from services.client.lease import HeldLease
from services.errors import ServiceError
from sim.servo_bus.client import RunningBus
from tests.faults.fault_rig import NAMES
from tests.services.controller.conftest import (
    ControllerProcess,
    StartController,
    wait_until,
)

# The bus shares this machine with much else: only a test of a limit sets a strict one.
PATIENT = {"watchdog_s": 1.0, "comm_fault_s": 0.6, "cycle_budget_s": 0.04, "soft_start_s": 0.1}
JOINTS = tuple(name for name in NAMES.values() if name != "valve")


class Station:
    """One daemon on one bus, and a client.

    Args:
        start: starts daemons that end with the test.
        run_dir: of the daemon.
        bus: whose port has a link.
        options: of the configuration; `limits` are those of the bus, beside PATIENT.
    """

    def __init__(
        self, start: StartController, run_dir: Path, bus: RunningBus, **options: Any
    ) -> None:
        self.bus = bus
        self._start = start
        self._run_dir = run_dir
        self._options = options
        self.daemon = self.start()
        self.client = self.daemon.client()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.caller.close()

    def start(self) -> ControllerProcess:
        """Another daemon in the same directory."""
        fields = dict(self._options)
        robot = {
            "backend": "virtual-bus",
            "port": self.bus.settings.port_link,
            "bus": PATIENT | fields.pop("limits", {}),
        }
        gate = {"invalid_reads_max": 100, "state_age_max_s": 1.0}
        return self._start(self._run_dir, robot=robot, clock="wall", gate=gate, **fields)

    def restart(self) -> None:
        """A new daemon after the old one has ended."""
        self.client.caller.close()
        self.daemon = self.start()
        self.client = self.daemon.client()

    def make_ready(self) -> None:
        """INACTIVE, whatever a test before has left."""
        client = self.client
        wait_until(client.is_serving, 30.0)
        moving = (Lifecycle.ACTIVE, Lifecycle.HOLD)  # a lease that has ended stops it gently
        wait_until(lambda: client.status().lifecycle not in moving)
        if client.status().lifecycle == Lifecycle.E_STOPPED:
            client.release_emergency_stop()
        if client.status().lifecycle == Lifecycle.FAULT:
            wait_until(lambda: torques(self.bus) == {False})
            client.clear_fault()
        wait_until(lambda: client.status().lifecycle == Lifecycle.INACTIVE)

    @contextlib.contextmanager
    def active(self) -> Iterator[HeldLease]:
        """The robot ACTIVE under a lease; however that ends, the lease may be gone."""
        wait_until(lambda: self.client.status().lifecycle == Lifecycle.INACTIVE)
        with contextlib.ExitStack() as stack:
            lease = stack.enter_context(self.client.lease("tester", window_s=5.0))
            activated = self.client.activate(lease)
            assert activated.lifecycle == Lifecycle.ACTIVE, self.client.status().fault.message
            ending = stack.pop_all()
        try:
            yield lease
        finally:
            with contextlib.suppress(ServiceError):
                ending.close()

    def fault(self, timeout_s: float = 20.0) -> Any:
        """The fault that is latched, once it is."""

        def latched() -> Any:
            status = self.client.status()  # the state may be told a moment before its cause
            return status.lifecycle == Lifecycle.FAULT and status.fault.reason and status.fault

        return wait_until(latched, timeout_s)

    def jogging(self, lease: HeldLease, joint: str) -> "Jogging":
        """A slow motion that goes on while the test does other things."""
        return Jogging(self.client, lease, joint)


class Jogging:
    """A jog in a thread of its own; it takes five seconds if nothing ends it."""

    def __init__(self, client: ControllerClient, lease: HeldLease, joint: str) -> None:
        self.error: ServiceError | None = None
        self._joint = joint
        self._thread = threading.Thread(target=self._run, args=(client, lease, joint))
        self._thread.start()

    def _run(self, client: ControllerClient, lease: HeldLease, joint: str) -> None:
        try:
            client.jog(lease, joint, -0.4, 0.08)
        except ServiceError as error:
            self.error = error

    def until_it_moves(self, bus: RunningBus, by_rad: float = 0.01) -> None:
        """Wait until the joint has moved, in truth."""
        start_rad = bus.state()["joints"][self._joint]["position_rad"]
        bus.wait_for(
            lambda state: abs(state["joints"][self._joint]["position_rad"] - start_rad) > by_rad
        )

    def refusal(self) -> ServiceError:
        """Why it ended before its end."""
        self._thread.join(20.0)
        assert self.error is not None, "it was not cut short"
        return self.error

    def end(self) -> None:
        """Wait for its end, whatever that is."""
        self._thread.join(20.0)


def refused(call, *arguments) -> ServiceError:
    """The refusal of a call."""
    with pytest.raises(ServiceError) as caught:
        call(*arguments)
    return caught.value


def torques(bus: RunningBus) -> set[bool]:
    """Of the joints; the valve's servo is limp anyway."""
    joints = bus.state()["joints"]
    return {joints[name]["torque_on"] for name in JOINTS}


UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
