"""Without a control process, torque is taken off once, and the fault says what came of it."""

import asyncio
import time
from pathlib import Path

from mbctl.config import RobotConfig
from services.controller.torque_off import (
    LastResort,
    TorqueOffOutcome,
    is_port_there,
    torque_off_of,
)
from services.controller.view import ControlView, new_fault

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
    assert len(outcome.unconfirmed) == 9
    assert "PORT_MISSING" in outcome.message
    assert "cut the servos' power" in outcome.message


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
