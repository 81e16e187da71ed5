"""Stops do not depend on who reads the log: real daemons, servos under torque, useless outputs."""

import contextlib

import pytest

from hal.lifecycle import Lifecycle
from mbctl import exit_codes
from services.errors import ServiceError
from sim.servo_bus.client import start_virtual_bus
from tests.services.controller.conftest import wait_until
from tests.services.controller.console_rig import (
    KINDS,
    Console,
    Paused,
    ReaderGone,
    activated,
    torques,
    within,
)

QUICK_AND_SLOW = [
    kind if kind in (ReaderGone, Paused) else pytest.param(kind, marks=pytest.mark.slow)
    for kind in KINDS
]
STOP_S = 2.0  # on a machine with other work to do; it takes milliseconds


@pytest.fixture
def bus(tmp_path):
    with start_virtual_bus("dclaw", port_link=str(tmp_path / "claw"), record=None) as running:
        yield running


def fill(client) -> None:
    """More log lines than a small pipe takes."""
    for _ in range(20):
        for call in (client.clear_fault, client.release_emergency_stop):
            with contextlib.suppress(ServiceError):
                call()
        with contextlib.suppress(ServiceError):
            client.reboot_servo("no such joint " + "x" * 300)


@pytest.mark.parametrize("kind", QUICK_AND_SLOW, ids=lambda kind: kind.__name__)
def test_whatever_becomes_of_the_log_every_stop_works(tmp_path, bus, kind):
    output = kind()
    with Console(tmp_path, output, tmp_path / "claw") as console, console.client() as client:
        with activated(client):
            assert torques(bus) == {True}
            output.spoil()
            fill(client)
            answer = within(STOP_S, lambda: client.emergency_stop("hand in the workspace"))
            assert torques(bus) == {False}
            assert (answer.lifecycle, list(answer.torque_off_failed)) == (Lifecycle.E_STOPPED, [])
            assert client.status().lifecycle == Lifecycle.E_STOPPED
        client.release_emergency_stop()
        with activated(client, window_s=1.0):
            assert torques(bus) == {True}
        wait_until(lambda: torques(bus) == {False}, 1.0 + 2 * STOP_S)  # the lease has lapsed
        with activated(client):
            assert torques(bus) == {True}
            console.process.terminate()
            assert within(5.0, lambda: console.process.wait(15)) == exit_codes.OK
            assert torques(bus) == {False}
