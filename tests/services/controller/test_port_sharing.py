"""Another program on the robot's port is named: at the start, at an activation and in a fault."""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from hal.dynamixel.port import PortError, SerialPort
from hal.lifecycle import Lifecycle
from mbctl.config import RobotConfig
from services.controller.port_sharing import PortSharing
from services.controller.view import ControlView, new_fault
from services.errors import ServiceError
from sim.servo_bus.client import start_virtual_bus

PATIENT = {"watchdog_s": 1.0, "comm_fault_s": 0.6, "cycle_budget_s": 0.04}
HOLDER = (
    "import os, sys, time\n"
    "os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n"
    "print(flush=True)\n"
    "time.sleep(100)\n"
)


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "servo-bus"


def test_a_port_that_another_program_reads_is_refused_at_the_start(
    start_controller, tmp_path, link
):
    with (
        start_virtual_bus("dclaw", port_link=str(link), record=None) as bus,
        subprocess.Popen(
            [sys.executable, "-P", "-c", HOLDER, bus.port], stdout=subprocess.PIPE, text=True
        ) as other,
    ):
        try:
            other.stdout.readline()
            robot = {"backend": "virtual-bus", "port": str(link), "bus": PATIENT}
            daemon = start_controller(tmp_path / "run", robot=robot, clock="wall")
            assert daemon.process.wait(30) == 3
            assert f"(pid {other.pid})" in daemon.log.read_text()
        finally:
            other.kill()


def test_who_finds_the_port_in_use_is_told_that_it_is_a_controller(
    start_controller, tmp_path, link, wait_for
):
    with start_virtual_bus("dclaw", port_link=str(link), record=None) as bus:
        robot = {"backend": "virtual-bus", "port": str(link), "bus": PATIENT}
        daemon = start_controller(tmp_path / "run", robot=robot, clock="wall")
        with daemon.client() as client:
            wait_for(client.is_serving)
            with pytest.raises(PortError, match=r"another process \(pid \d+\): mbctl control;"):
                SerialPort(bus.port)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may open a port that is in use")
def test_one_that_comes_later_is_named_in_the_fault_and_keeps_torque_off(
    start_controller, tmp_path, link, wait_for
):
    with start_virtual_bus("dclaw", port_link=str(link), record=None) as bus:
        robot = {"backend": "virtual-bus", "port": str(link), "bus": PATIENT}
        daemon = start_controller(tmp_path / "run", robot=robot, clock="wall")
        with daemon.client() as client, client.lease("tester", window_s=5.0) as lease:
            wait_for(client.is_serving)
            client.activate(lease)
            command = [sys.executable, "-P", "-c", HOLDER, bus.port]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
                try:
                    other.stdout.readline()
                    bus.inject("mute", servo_id=21)
                    wait_for(lambda: client.status().fault.reason)
                    wait_for(lambda: f"(pid {other.pid})" in client.status().fault.message)
                    bus.clear()
                    wait_for(lambda: client.status().lifecycle == Lifecycle.FAULT)
                    client.clear_fault()
                    with pytest.raises(ServiceError, match=rf"pid {other.pid}") as refused:
                        client.activate(lease)
                    assert refused.value.reason == "PORT_SHARED"
                finally:
                    other.kill()
            client.activate(lease)


def test_a_fault_that_is_cleared_meanwhile_or_a_robot_without_a_port_is_left_alone():
    async def explained(robot: RobotConfig) -> str:
        view = ControlView(control_fault=new_fault("SERVO_SILENT", "no answer"))
        sharing = PortSharing(robot, view)
        assert view.control_fault is not None
        sharing.explain(view.control_fault)
        view.control_fault = new_fault("OTHER", "another one")
        while sharing._looks:
            await asyncio.sleep(0.01)
        return view.control_fault.message

    master, slave = pty.openpty()
    try:
        on_bus = RobotConfig(backend="dynamixel", port=os.ttyname(slave))
        for robot in (RobotConfig(), on_bus):
            assert asyncio.run(explained(robot)) == "another one"
    finally:
        os.close(master)
        os.close(slave)
