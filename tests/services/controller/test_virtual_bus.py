"""The controller with servos on a bus: real daemons, real bytes, simulated servos.

The bus shares this machine with everything else, so it is given more time than a real one; what
depends on such times is not asserted here.
"""

import contextlib

import pytest

from hal.lifecycle import Lifecycle
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


def test_an_emergency_stop_relaxes_every_joint_and_names_none(bus, daemon, wait_for):
    with daemon.client() as client, active(client, wait_for):
        stopped = client.emergency_stop("test")
        assert torques(bus) == {False}
        assert list(stopped.torque_off_failed) == []
        client.release_emergency_stop()


def test_a_jog_that_moves_nothing_is_an_error_with_the_distance_left(bus, daemon, wait_for):
    with daemon.client() as client, active(client, wait_for) as lease:
        bus.set_register(20, "goal_pwm", 0)  # as another program might, while the robot is active
        with pytest.raises(
            ServiceError, match=r"MFJ20 did not arrive: .* degrees are left"
        ) as found:
            client.jog(lease, "MFJ20", 0.2, 0.4)
        assert found.value.reason == "JOG_NOT_ARRIVED"
        bus.set_register(20, "goal_pwm", 885)
        client.jog(lease, "MFJ20", 0.1, 0.4)


def test_a_robot_that_another_program_made_weak_gets_no_torque(bus, daemon, wait_for):
    with daemon.client() as client:
        wait_for(lambda: client.status().lifecycle == Lifecycle.INACTIVE)
        bus.set_register(21, "position_p_gain", 0)
        with client.lease("tester") as lease, pytest.raises(ServiceError, match="MFJ21") as found:
            client.activate(lease)
        assert found.value.reason == "SERVO_GAINS"
        assert client.status().lifecycle == Lifecycle.INACTIVE
    assert torques(bus) == {False}


def test_all_servos_that_latched_are_rebooted_by_one_call(bus, daemon, wait_for):
    """As after a sag of the supply: ten servos, each told by its cause."""
    sagged = {10: "FFJ10", 12: "FFJ12", 20: "MFJ20", 31: "THJ31", 50: "valve"}
    with daemon.client() as client:
        wait_for(lambda: client.status().lifecycle == Lifecycle.INACTIVE)
        for servo_id in sagged:
            bus.inject("voltage", servo_id=servo_id)
        with client.lease("tester") as lease, pytest.raises(ServiceError) as found:
            client.activate(lease)
        assert found.value.reason == "SERVO_VOLTAGE"
        assert all(name in found.value.message for name in sagged.values())
        assert "check the supply" in found.value.message
        assert "reboot-servo --all" in found.value.message
        assert "cool down" not in found.value.message
        bus.inject("overheat", servo_id=22)
        answer = client.reboot_latched_servos()
        assert set(answer.joints) == {*sagged.values(), "MFJ22"}
        assert answer.reboots_left == 2
        assert {bus.table(i)["hardware_error_status"] for i in (*sagged, 22)} == {0}
        assert torques(bus) == {False}, "a reboot never brings torque"
        assert list(client.reboot_latched_servos().joints) == []
        with active(client, wait_for):
            assert torques(bus) == {True}
