"""Signals that ask to stop: from a terminal that closes, in every phase, once and repeated."""

import os
import signal
import subprocess
import time

import pytest

from hal.stop_signals import REPEAT_S
from mbctl import exit_codes
from sim.servo_bus.client import start_virtual_bus
from tests.services.controller.conftest import process_runs, wait_until
from tests.services.controller.console_rig import (
    Console,
    Hangup,
    Terminal,
    activated,
    children_of,
    torques,
)


@pytest.fixture
def bus(tmp_path):
    with start_virtual_bus("dclaw", port_link=str(tmp_path / "claw"), record=None) as running:
        yield running


def test_a_terminal_that_closes_leaves_no_torque_on(tmp_path, bus):
    output = Hangup()
    with Console(tmp_path, output, tmp_path / "claw") as console, console.client() as client:
        children = children_of(console.process.pid)
        with activated(client):
            assert torques(bus) == {True}
            output.spoil()
            assert console.process.wait(15) == exit_codes.OK
            assert torques(bus) == {False}
    assert children
    wait_until(lambda: not any(process_runs(pid) for pid in children))


def test_a_signal_to_everybody_twice_is_one_request(tmp_path, bus):
    """As `timeout` sends it: to its child, and then to the group that both are in."""
    with (
        Console(tmp_path, Terminal(), tmp_path / "claw") as console,
        console.client() as client,
        activated(client),
    ):
        for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            os.killpg(console.process.pid, signum)
        assert console.process.wait(15) == exit_codes.OK
        assert torques(bus) == {False}


def test_a_second_request_ends_the_service_process_and_the_robot_is_stopped(tmp_path, bus):
    with (
        Console(tmp_path, Terminal(), tmp_path / "claw") as console,
        console.client() as client,
        activated(client),
    ):
        (control,) = children_of(console.process.pid)
        os.kill(control, signal.SIGSTOP)  # so that there is time for a second one
        console.process.terminate()
        time.sleep(2 * REPEAT_S)  # the first is heeded a little later than it is sent
        console.process.terminate()
        assert console.process.wait(15) == 128 + signal.SIGTERM
        os.kill(control, signal.SIGCONT)
        wait_until(lambda: torques(bus) == {False})
        wait_until(lambda: not process_runs(control))


def test_a_hangup_while_the_control_process_starts_ends_all_of_them(tmp_path, bus):
    with Console(tmp_path, Terminal(), tmp_path / "claw") as console:
        children = wait_until(lambda: children_of(console.process.pid), 60.0)
        console.process.send_signal(signal.SIGHUP)
        assert console.process.wait(15) == exit_codes.OK
        wait_until(lambda: not any(process_runs(pid) for pid in children))
        assert not (console.run_dir / "controller.address").exists()
        assert torques(bus) == {False}


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after_s", [0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0])
def test_a_signal_in_any_phase_of_the_start_leaves_nothing_behind(tmp_path, bus, after_s, signum):
    with Console(tmp_path, Terminal(), tmp_path / "claw") as console:
        time.sleep(after_s)
        children = children_of(console.process.pid)
        console.process.send_signal(signum)
        code = console.process.wait(15)
        has_begun = bool(children) or console.run_dir.exists()
        assert code == exit_codes.OK or not has_begun, code  # the interpreter itself was starting
        wait_until(lambda: not any(process_runs(pid) for pid in children))
        assert torques(bus) == {False}


def test_nohup_keeps_a_controller_running(tmp_path, bus):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        console = Console(tmp_path, Terminal(), tmp_path / "claw", heeds_hangups=False)
    finally:
        signal.signal(signal.SIGHUP, before)
    with console, console.client() as client:
        console.process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            console.process.wait(1.0)
        assert client.is_serving()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("control", signal.SIGKILL), ("service", signal.SIGTERM)),
        (("service", signal.SIGTERM), ("control", signal.SIGKILL)),
        (("control", signal.SIGSTOP), ("service", signal.SIGTERM)),
    ],
)
def test_a_control_process_that_cannot_stop_the_robot_leaves_no_torque_on(
    tmp_path, bus, first, second
):
    """Just when the controller is told to end, which then takes torque off by itself."""
    with (
        Console(tmp_path, Terminal(), tmp_path / "claw") as console,
        console.client() as client,
        activated(client),
    ):
        (control,) = children_of(console.process.pid)
        assert torques(bus) == {True}
        pids = {"service": console.process.pid, "control": control}
        for who, number in (first, second):
            os.kill(pids[who], number)
        assert console.process.wait(15) == exit_codes.OK
        assert torques(bus) == {False}
