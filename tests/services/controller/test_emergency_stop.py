"""An emergency stop is ordered first, and shown once something has confirmed it."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hal.dynamixel.port import SerialPort
from hal.lifecycle import Lifecycle
from services.controller.emergency_stop import EmergencyStop
from services.controller.patience import patience_of
from services.controller.stop_confirmation import StopConfirmation
from services.controller.supervisor import ControlSupervisor
from services.controller.torque_off import LastResort, TorqueOffOutcome
from services.controller.view import ControlView
from services.estop.by_signal import stop_by_signal
from services.ipc.state_board import BoardRecord
from services.ipc.words import Word
from services.local_daemons import CONTROLLER, local_daemons
from sim.servo_bus.client import start_virtual_bus
from tests.services.controller.conftest import wait_until
from tests.services.controller.console_rig import Console, Terminal, activated, children_of, torques

JOINTS = ("a", "b")


class StandIn:
    """A channel to a control process that answers, or does not."""

    pid = None

    def __init__(self, log: list[str], *, answers: bool) -> None:
        self._log = log
        self._answers = answers
        self.exit_code = None if answers else -9

    def request_estop(self) -> int:
        self._log.append("requested")
        return 1

    def word(self, word: Word) -> int:
        return int(self._answers)


def _scene(outcome: TorqueOffOutcome) -> tuple[EmergencyStop, ControlView]:
    board = BoardRecord(int(Lifecycle.ACTIVE), 1, 2, 3, 4, 5, None)
    view = ControlView(read_board=lambda: board, alive=True)
    last_resort = LastResort(lambda: outcome, view, JOINTS, asyncio.Lock())
    return EmergencyStop(view, StopConfirmation(JOINTS), last_resort), view


def test_it_is_ordered_before_anything_is_said_and_shown_when_it_is_done(monkeypatch):
    log: list[str] = []
    shown: list[Lifecycle] = []

    async def scenario() -> None:
        estop, view = _scene(TorqueOffOutcome((), ""))

        def say(event: str, **_: Any) -> None:
            log.append(event)
            shown.append(view.lifecycle)

        monkeypatch.setattr("services.controller.emergency_stop.log.warning", say, raising=False)
        channel: Any = StandIn(log, answers=True)
        ordered = asyncio.ensure_future(estop.order("smoke", channel))
        await asyncio.sleep(0.05)
        assert view.lifecycle is Lifecycle.ACTIVE
        estop.take({"type": "estop", "request": 1, "torque_off_failed": []})
        assert (await ordered).torque_off_failed == ()
        assert view.lifecycle is Lifecycle.E_STOPPED

    asyncio.run(scenario())
    assert log[0] == "requested"
    assert Lifecycle.E_STOPPED not in shown


@pytest.mark.parametrize(
    ("outcome", "lifecycle"),
    [
        (TorqueOffOutcome((), "all off"), Lifecycle.E_STOPPED),
        (TorqueOffOutcome(("b",), "torque may still be on in b"), Lifecycle.ACTIVE),
    ],
)
def test_without_a_control_process_it_is_shown_only_when_torque_is_off(outcome, lifecycle):
    async def scenario() -> None:
        estop, view = _scene(outcome)
        channel: Any = StandIn([], answers=False)
        stopped = await estop.order("smoke", channel)
        assert (stopped.lifecycle, stopped.torque_off_failed) == (lifecycle, outcome.unconfirmed)
        assert view.lifecycle is lifecycle
        assert view.fault is not None
        assert view.fault.reason == "EMERGENCY_STOP"

    asyncio.run(scenario())


@pytest.mark.parametrize("failed", [(), ("b",)])
def test_a_control_process_that_is_being_started_is_waited_for(failed):
    """It has the robot's port by then: nobody else can take torque off."""
    attempts: list[int] = []

    def attempt() -> TorqueOffOutcome:
        attempts.append(1)
        return TorqueOffOutcome(JOINTS, "the port is used by another process")

    async def scenario() -> None:
        view, restart = ControlView(is_starting=True), asyncio.Lock()
        last_resort = LastResort(attempt, view, JOINTS, restart)
        estop = EmergencyStop(view, StopConfirmation(JOINTS), last_resort)
        async with restart:
            ordered = asyncio.ensure_future(estop.order("smoke", None))
            await asyncio.sleep(0.1)
            assert not ordered.done()
            view.alive = True  # it is told to stop as soon as it has started
            estop.take({"type": "estop", "request": 1, "torque_off_failed": list(failed)})
            stopped = await ordered
        assert (stopped.lifecycle, stopped.torque_off_failed) == (Lifecycle.E_STOPPED, failed)

    asyncio.run(scenario())
    assert attempts == []


def test_torque_is_taken_off_without_a_control_process_that_did_not_start():
    async def scenario() -> None:
        view, restart = ControlView(is_starting=True), asyncio.Lock()
        last_resort = LastResort(lambda: TorqueOffOutcome((), "off"), view, JOINTS, restart)
        estop = EmergencyStop(view, StopConfirmation(JOINTS), last_resort)
        async with restart:
            ordered = asyncio.ensure_future(estop.order("smoke", None))
            await asyncio.sleep(0.1)
        view.is_starting = False
        stopped = await ordered
        assert (stopped.lifecycle, stopped.torque_off_failed) == (Lifecycle.E_STOPPED, ())

    asyncio.run(scenario())


def test_joints_that_did_not_confirm_it_are_named_with_the_stop():
    async def scenario() -> None:
        estop, view = _scene(TorqueOffOutcome((), ""))
        channel: Any = StandIn([], answers=True)
        ordered = asyncio.ensure_future(estop.order("smoke", channel))
        await asyncio.sleep(0.01)
        estop.take({"type": "estop", "request": 1, "torque_off_failed": ["b"]})
        assert (await ordered).torque_off_failed == ("b",)
        assert view.stop_fault is not None
        assert view.stop_fault.message.count("torque may still be on in b") == 1

    asyncio.run(scenario())


def test_a_control_process_that_stands_still_does_not_keep_torque_on(tmp_path):
    with (
        start_virtual_bus("dclaw", port_link=str(tmp_path / "claw"), record=None) as bus,
        Console(tmp_path, Terminal(), tmp_path / "claw") as console,
        console.client() as client,
        activated(client),
    ):
        (control,) = children_of(console.process.pid)
        os.kill(control, signal.SIGSTOP)
        answers: list[Any] = []
        stopping = threading.Thread(target=lambda: answers.append(client.emergency_stop("smoke")))
        begun = time.monotonic()
        stopping.start()
        while stopping.is_alive():
            lifecycle = client.status().lifecycle
            assert lifecycle != Lifecycle.E_STOPPED or torques(bus) == {False}
            time.sleep(0.05)
        assert time.monotonic() - begun < 8.0
        assert torques(bus) == {False}
        (answer,) = answers
        assert (answer.lifecycle, list(answer.torque_off_failed)) == (Lifecycle.E_STOPPED, [])
        assert client.status().fault.reason == "EMERGENCY_STOP"


@pytest.mark.parametrize("is_open", [False, True])
def test_a_stop_by_signal_in_the_midst_of_the_start_is_confirmed(tmp_path, monkeypatch, is_open):
    """While the control process is being started, before and after it opens the port."""
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    with (
        start_virtual_bus("dclaw", port_link=str(tmp_path / "claw"), record=None) as bus,
        Console(tmp_path, Terminal(), tmp_path / "claw") as console,
    ):
        port = os.path.realpath(tmp_path / "claw")
        wait_until(lambda: children_of(console.process.pid), 30.0)
        (control,) = children_of(console.process.pid)
        wait_until(lambda: not is_open or port in _open_files(control), 30.0)
        (result,) = stop_by_signal(local_daemons(CONTROLLER), "smoke", 30.0)
        assert (result.lifecycle, result.message) == ("E_STOPPED", "")
        with console.client() as client:
            wait_until(lambda: client.status().lifecycle == Lifecycle.E_STOPPED)
        assert torques(bus) == {False}


def test_a_start_goes_on_when_a_stop_had_the_port_just_then(tmp_path, monkeypatch):
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    with (
        start_virtual_bus("dclaw", port_link=str(tmp_path / "claw"), record=None),
        Console(tmp_path, Terminal(), tmp_path / "claw") as console,
    ):
        port = SerialPort(tmp_path / "claw")
        wait_until(lambda: children_of(console.process.pid), 30.0)
        (first,) = children_of(console.process.pid)
        os.kill(console.process.pid, signal.SIGUSR1)
        wait_until(lambda: first not in children_of(console.process.pid), 30.0)
        port.close()
        with console.client() as client:
            wait_until(lambda: client.status().lifecycle == Lifecycle.E_STOPPED)


def _open_files(pid: int) -> set[str]:
    links = Path(f"/proc/{pid}/fd").glob("*")
    with contextlib.suppress(OSError):
        return {os.path.realpath(link) for link in links}
    return set()


def test_a_pump_that_failed_leaves_no_torque_on():
    """Nobody tells then how the control process has ended."""
    attempts: list[int] = []

    def attempt() -> TorqueOffOutcome:
        attempts.append(1)
        return TorqueOffOutcome((), "off")

    async def scenario() -> None:
        parts: Any = SimpleNamespace(is_port_there=True, give_up=lambda: None, detach=lambda: None)
        supervisor = ControlSupervisor(
            parts, ControlView(), JOINTS, attempt, parts, patience_of("wall")
        )
        supervisor._take_event({"type": "pump_failed", "message": "the memory was overwritten"})
        assert await supervisor.stop()
        assert supervisor.broken.result() == "the memory was overwritten"

    asyncio.run(scenario())
    assert attempts == [1]
