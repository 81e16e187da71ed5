"""Without a control process, torque is taken off once, and the fault says what came of it."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from hal.dynamixel.calibration import default_calibration, save_calibration
from mbctl.config import RobotConfig
from services.controller.torque_off import (
    LastResort,
    TorqueOffOutcome,
    is_port_there,
    torque_off_of,
)
from services.controller.view import ControlView, new_fault
from sim.servo_bus.client import start_virtual_bus

pytestmark = pytest.mark.xdist_group("timing")

JOINTS = ("a", "b")


def bus_robot(port: Path) -> RobotConfig:
    return RobotConfig(backend="dynamixel", port=str(port))


def test_a_simulated_robot_needs_none():
    assert torque_off_of(RobotConfig()) is None
    assert is_port_there(RobotConfig())


def test_a_port_that_is_gone_leaves_every_joint_unconfirmed(tmp_path):
    robot = bus_robot(tmp_path / "ttyUSB0")
    assert not is_port_there(robot)
    attempt = torque_off_of(robot)
    assert attempt is not None
    outcome = attempt()
    assert len(outcome.unconfirmed) == 10, "nine joints and the valve"
    assert "PORT_MISSING" in outcome.message
    assert "cut the servos' power" in outcome.message


def test_the_servos_of_the_robots_own_calibration_confirm(tmp_path):
    """One whose ids are not those of the model, as a calibration file says."""
    standard = default_calibration("dclaw")
    first, *others = standard.joints
    own = replace(standard, joints=(replace(first, servo_id=70), *others))
    save_calibration(own, tmp_path / "claw.json")
    with start_virtual_bus("dclaw", record=None) as bus:
        bus.set_register(first.servo_id, "id", 70)
        robot = RobotConfig(
            backend="virtual-bus", port=bus.port, calibration=tmp_path / "claw.json"
        )
        attempt = torque_off_of(robot)
        assert attempt is not None
        assert attempt().unconfirmed == ()
        bus.inject("mute", servo_id=70)
        assert attempt().unconfirmed == (first.name,)


def test_a_servo_that_turns_an_object_has_to_confirm_too():
    with start_virtual_bus("dclaw", record=None) as bus:
        attempt = torque_off_of(RobotConfig(backend="virtual-bus", port=bus.port))
        assert attempt is not None
        bus.inject("mute", servo_id=default_calibration("dclaw").objects[0].servo_id)
        assert attempt().unconfirmed == ("valve",)


def test_a_calibration_that_cannot_be_read_leaves_the_ids_of_the_model(tmp_path):
    (tmp_path / "claw.json").write_text("{")
    with start_virtual_bus("dclaw", record=None) as bus:
        robot = RobotConfig(
            backend="virtual-bus", port=bus.port, calibration=tmp_path / "claw.json"
        )
        attempt = torque_off_of(robot)
        assert attempt is not None
        assert attempt().unconfirmed == ()


def test_two_who_ask_at_once_share_one_attempt_and_the_fault_tells_of_it():
    attempts = []

    def attempt() -> TorqueOffOutcome:
        attempts.append(1)
        time.sleep(0.05)
        return TorqueOffOutcome(("b",), "torque may still be on in b")

    async def scenario() -> None:
        view = ControlView(control_fault=new_fault("CONTROL_PROCESS_DIED", "exit code -9"))
        last_resort = LastResort(attempt, view, JOINTS, asyncio.Lock())
        assert await asyncio.gather(last_resort.begin(), last_resort.begin()) == [("b",), ("b",)]
        assert len(attempts) == 1
        assert view.control_fault is not None
        assert view.control_fault.message == "exit code -9; torque may still be on in b"
        await last_resort.begin()
        assert view.control_fault.message.count("torque may still") == 1

    asyncio.run(scenario())
    assert len(attempts) == 2


def test_what_could_not_be_sent_is_owed_before_the_next_start():
    outcomes = [
        TorqueOffOutcome(JOINTS, "could not be sent"),
        TorqueOffOutcome((), "all off"),
    ]
    given = []

    def attempt() -> TorqueOffOutcome:
        given.append(outcomes.pop(0))
        return given[-1]

    async def scenario() -> None:
        view = ControlView(control_fault=new_fault("BUS_LOST", "unplugged"))
        last_resort = LastResort(attempt, view, JOINTS, asyncio.Lock())
        await last_resort.settle()
        assert given == [], "nothing was lost yet"
        await last_resort.begin()
        assert view.control_fault is not None
        assert view.control_fault.message == "unplugged; could not be sent"
        await last_resort.settle()
        assert view.control_fault.message == "unplugged; all off"
        await last_resort.settle()
        assert len(given) == 2

    asyncio.run(scenario())


def test_the_port_is_left_to_a_control_process_that_is_being_started():
    async def scenario() -> None:
        restart = asyncio.Lock()
        last_resort = LastResort(lambda: TorqueOffOutcome((), ""), ControlView(), JOINTS, restart)
        async with restart:
            assert await last_resort.begin() == JOINTS
        assert await last_resort.begin() == ()

    asyncio.run(scenario())


def test_whatever_goes_wrong_leaves_every_joint_unconfirmed():
    def attempt() -> TorqueOffOutcome:
        raise RuntimeError("no such device")

    async def scenario() -> None:
        last_resort = LastResort(attempt, ControlView(), JOINTS, asyncio.Lock())
        assert await last_resort.begin() == JOINTS
        await last_resort.settle()

    asyncio.run(scenario())


def test_it_does_not_queue_up_behind_what_waits_for_a_disk():
    async def scenario() -> float:
        loop, disk = asyncio.get_running_loop(), threading.Event()
        loop.set_default_executor(ThreadPoolExecutor(2))
        waiting = [loop.run_in_executor(None, disk.wait, 3.0) for _ in range(4)]
        last_resort = LastResort(
            lambda: TorqueOffOutcome((), "off"), ControlView(), JOINTS, asyncio.Lock()
        )
        begun = time.monotonic()
        assert await last_resort.begin() == ()
        took_s = time.monotonic() - begun
        disk.set()
        await asyncio.gather(*waiting)
        return took_s

    assert asyncio.run(scenario()) < 1.0


def test_it_needs_no_thread_that_the_system_might_not_have(monkeypatch):
    def none_left(_thread):
        raise RuntimeError("can't start new thread")

    async def scenario() -> None:
        last_resort = LastResort(
            lambda: TorqueOffOutcome((), "off"), ControlView(), JOINTS, asyncio.Lock()
        )
        monkeypatch.setattr(threading.Thread, "start", none_left)
        try:
            assert await last_resort.begin() == ()
        finally:
            monkeypatch.undo()

    asyncio.run(scenario())
