"""The controller with servos on a bus: real daemons, real bytes, simulated servos.

The bus shares this machine with everything else, so it is given more time than a real one; what
depends on such times is not asserted here.
"""

import contextlib
import os
import signal
import time

import grpc
import pytest

from hal.lifecycle import Lifecycle
from services import exit_codes
from services.errors import ServiceError
from sim.servo_bus.client import start_virtual_bus

PATIENT = {"watchdog_s": 1.0, "comm_fault_s": 1.0, "cycle_budget_s": 0.04}


@pytest.fixture
def link(tmp_path):
    return tmp_path / "servo-bus"


@pytest.fixture
def bus(link):
    with start_virtual_bus("dclaw", port_link=str(link), record=None) as running:
        yield running


@pytest.fixture
def daemon(start_controller, tmp_path, link):
    robot = {"backend": "virtual-bus", "port": str(link), "bus": PATIENT}
    return start_controller(tmp_path / "run", robot=robot, clock="wall")


@contextlib.contextmanager
def active(client, wait_for):
    wait_for(lambda: client.status().lifecycle == Lifecycle.INACTIVE)
    with client.lease("tester", window_s=5.0) as lease:
        assert client.activate(lease).lifecycle == Lifecycle.ACTIVE, client.status().fault.message
        yield lease


def refused(call, *arguments) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call(*arguments)
    return caught.value


def torques(bus) -> set[bool]:
    """Of the joints; the valve's servo is limp anyway."""
    joints = bus.state()["joints"].items()
    return {joint["torque_on"] for name, joint in joints if "FJ" in name or "HJ" in name}


def true_angle(bus, joint: str) -> float:
    return bus.state()["joints"][joint]["position_rad"]


def test_status_tells_of_the_servos(bus, daemon, wait_for):
    with daemon.client() as client:
        status = wait_for(lambda: (s := client.status()).health.joints and s)
    assert status.backend == "virtual-bus"
    assert status.lifecycle == Lifecycle.INACTIVE
    joints = {joint.joint: joint for joint in status.health.joints}
    assert joints["FFJ10"].servo_id == 10
    assert 11.0 < joints["FFJ10"].voltage_v < 13.0
    assert 20.0 < joints["FFJ10"].temperature_c < 40.0
    assert status.connection_error == ""


def test_a_jog_moves_the_servo_and_deactivation_relaxes_all(bus, daemon, wait_for):
    with daemon.client() as client:
        before = true_angle(bus, "MFJ20")
        with active(client, wait_for) as lease:
            assert torques(bus) == {True}
            wait_for(lambda: client.status().health.watchdog_s == PATIENT["watchdog_s"])
            answer = client.jog(lease, "MFJ20", -0.2, 0.4)
            assert answer.position_rad - answer.start_rad == pytest.approx(-0.2, abs=0.05)
            assert true_angle(bus, "MFJ20") - before == pytest.approx(-0.2, abs=0.05)
            client.deactivate(lease)
    assert torques(bus) == {False}


def test_a_robot_that_is_not_there_yet_is_waited_for(daemon, link, wait_for):
    with daemon.client() as client:
        status = client.status()
        assert status.lifecycle == Lifecycle.UNCONFIGURED
        assert status.connection_error.startswith("PORT_MISSING: ")
        wait_for(lambda: not client.is_serving())
        with client.lease("tester") as lease:
            error = refused(client.activate, lease)
        assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "PORT_MISSING")
        with start_virtual_bus("dclaw", port_link=str(link), record=None) as bus:
            wait_for(client.is_serving, 30.0)
            assert client.status().lifecycle == Lifecycle.INACTIVE
            assert client.status().connection_error == ""
            with active(client, wait_for) as lease:
                assert torques(bus) == {True}


def test_an_adapter_pulled_out_in_motion_comes_back_with_the_fault_latched(bus, daemon, wait_for):
    with daemon.client() as client:
        with active(client, wait_for):
            bus.unplug()
            wait_for(lambda: client.status().lifecycle == Lifecycle.FAULT)
            wait_for(lambda: not client.is_serving())
            status = client.status()
            assert status.fault.reason == "BUS_LOST"
            assert status.connection_error
        assert daemon.process.poll() is None
        bus.replug()
        wait_for(client.is_serving, 30.0)
        status = client.status()
        assert (status.lifecycle, status.fault.reason) == (Lifecycle.FAULT, "BUS_LOST")
        assert torques(bus) == {False}
        assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
        assert torques(bus) == {False}, "only Activate brings torque back"
        with active(client, wait_for):
            assert torques(bus) == {True}


def test_a_killed_control_process_leaves_no_torque_on(bus, daemon, wait_for):
    with daemon.client() as client, active(client, wait_for):
        assert torques(bus) == {True}
        os.kill(daemon.control_pid(), signal.SIGKILL)
        wait_for(lambda: torques(bus) == {False})
        status = wait_for(lambda: (s := client.status()).HasField("fault") and s)
        assert status.fault.reason == "CONTROL_PROCESS_DIED"
        wait_for(lambda: "took torque off" in client.status().fault.message)
        assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
        assert torques(bus) == {False}


def test_an_emergency_stop_relaxes_every_joint_and_names_none(bus, daemon, wait_for):
    with daemon.client() as client, active(client, wait_for):
        stopped = client.emergency_stop("test")
        assert torques(bus) == {False}
        assert list(stopped.torque_off_failed) == []
        client.release_emergency_stop()


def test_a_servo_that_shut_down_is_rebooted_by_the_operator_alone(bus, daemon, wait_for):
    with daemon.client() as client:
        with active(client, wait_for):
            bus.inject("overload", servo_id=11)
            wait_for(lambda: client.status().lifecycle == Lifecycle.FAULT)
            fault = client.status().fault
            assert fault.reason == "SERVO_OVERLOAD"
            assert "FFJ11" in fault.message
        wait_for(lambda: torques(bus) == {False})
        bus.clear()
        answer = client.reboot_servo("FFJ11")
        assert (answer.lifecycle, answer.reboots_left) == (Lifecycle.FAULT, 2)
        again = refused(client.reboot_servo, "FFJ11")
        assert (again.code, again.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REBOOT_LIMIT")
        assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
        with active(client, wait_for):
            assert torques(bus) == {True}


def test_a_signal_relaxes_the_robot_soon(bus, daemon, wait_for):
    with (
        daemon.client() as client,
        contextlib.suppress(ServiceError),  # nobody takes the lease back
        active(client, wait_for),
    ):
        begun = time.monotonic()
        assert daemon.stop() == exit_codes.OK
        assert time.monotonic() - begun < 5.0
        assert torques(bus) == {False}
