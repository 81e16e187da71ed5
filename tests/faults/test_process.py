"""What a client of the daemon sees of faults: rows 3, 13, 16, 17, 21, 28, 41."""

from math import inf, nan

import grpc
import pytest

from hal.lifecycle import Lifecycle
from sim.servo_bus.client import start_virtual_bus
from sim.servo_bus.oracle import Traffic
from tests.faults.fault_rig import NAMES, check_wire, make_new
from tests.faults.station import JOINTS, UNAVAILABLE, Station, refused, torques
from tests.hal.dynamixel.servo_rig import IDS, JOINT_IDS
from tests.services.controller.conftest import starting_controllers, wait_until


@pytest.fixture(scope="module")
def shared_station(shared_pool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("station")
    bus = start_virtual_bus("dclaw", port_link=str(folder / "port"))
    with (
        bus,
        starting_controllers(folder) as start,
        Station(start, folder / "run", bus) as station,
    ):
        yield station


@pytest.fixture
def station(shared_station):
    """The shared daemon, INACTIVE, on servos as from the factory."""
    shared_station.make_ready()
    make_new(shared_station.bus, {})
    shared_station.make_ready()
    since_ns = shared_station.bus.state()["stamp_ns"]
    yield shared_station
    shared_station.bus.clear()
    check_wire([r for r in shared_station.bus.records() if r.stamp_ns >= since_ns])


def test_row_03_silent_servo_ends_what_runs_as_unavailable_by_the_joints_name(station, vary):
    moved, silent = vary.sample(JOINTS, 2)
    servo_id = {name: i for i, name in NAMES.items()}[silent]
    with station.active() as lease:
        jogging = station.jogging(lease, moved)
        jogging.until_it_moves(station.bus, vary.uniform(0.005, 0.05))
        station.bus.inject("mute", servo_id=servo_id)
        fault = station.fault()
        error = jogging.refusal()
        assert (fault.reason, error.reason, error.code) == (
            "SERVO_SILENT",
            "SERVO_SILENT",
            UNAVAILABLE,
        )
        assert f"{silent} (servo {servo_id})" in fault.message
        assert silent in error.message
        joints = station.bus.state()["joints"]
        assert [name for name in JOINTS if joints[name]["torque_on"]] == [silent]
        station.bus.clear()
        wait_until(lambda: torques(station.bus) == {False})


def test_row_03_lost_answers_while_inactive_latch_no_fault(station, vary):
    client, bus = station.client, station.bus
    silent = vary.choice([*JOINT_IDS, 50])
    bus.inject("mute", servo_id=silent)
    wait_until(
        lambda: any(
            w.startswith("SERVO_SILENT") and NAMES[silent] in w
            for w in client.status().health.warnings
        )
    )
    assert client.status().lifecycle == Lifecycle.INACTIVE
    with client.lease("tester") as lease:
        assert refused(client.activate, lease).reason == "SERVO_SILENT"
    bus.clear()
    with station.active():
        assert torques(bus) == {True}


def test_row_03_a_supply_that_is_switched_off_while_inactive_latches_no_fault(station, vary):
    client, bus = station.client, station.bus
    for servo_id in IDS:
        bus.inject("mute", servo_id=servo_id)
    wait_until(lambda: client.status().connection_error)
    assert client.status().lifecycle == Lifecycle.UNCONFIGURED
    assert not client.status().HasField("fault")
    with client.lease("tester") as lease:
        assert refused(client.activate, lease).code == UNAVAILABLE
    bus.clear()
    wait_until(lambda: client.status().lifecycle == Lifecycle.INACTIVE, 40.0)
    wait_until(client.is_serving)
    with station.active():
        assert torques(bus) == {True}


def test_row_25_a_brown_out_in_motion_is_told_as_one_and_not_as_silence(station, vary):
    client, bus = station.client, station.bus
    servo_id = vary.choice(JOINT_IDS)
    with station.active():
        bus.inject("brownout", servo_id=servo_id, silence_s=vary.uniform(1.2, 2.0))
        station.fault()
        wait_until(lambda: client.status().fault.reason == "SERVO_REBOOTED")
        message = client.status().fault.message
        assert message.startswith(f"{NAMES[servo_id]} (servo {servo_id}) ")
        assert "brown-out" in message
    assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
    with station.active():
        assert torques(bus) == {True}


def test_row_13_port_that_is_missing_is_unavailable_and_waited_for(tmp_path, vary):
    link = tmp_path / "port"
    with starting_controllers(tmp_path) as start:
        robot = {"backend": "virtual-bus", "port": str(link)}
        daemon = start(tmp_path / "run", robot=robot, clock="wall")
        with daemon.client() as client:
            assert client.status().connection_error.startswith("PORT_MISSING: ")
            assert client.status().lifecycle == Lifecycle.UNCONFIGURED
            wait_until(lambda: not client.is_serving())
            with client.lease("tester") as lease:
                error = refused(client.activate, lease)
            assert (error.code, error.reason) == (UNAVAILABLE, "PORT_MISSING")
            assert str(link) in error.message
            with start_virtual_bus("dclaw", port_link=str(link), seed=vary.randrange(100)) as bus:
                wait_until(client.is_serving, 30.0)
                assert client.status().lifecycle == Lifecycle.INACTIVE
                assert torques(bus) == {False}


def test_row_16_17_adaptor_pulled_out_in_motion_comes_back_with_the_fault_latched(station, vary):
    client, bus = station.client, station.bus
    with station.active() as lease:
        jogging = station.jogging(lease, vary.choice(JOINTS))
        jogging.until_it_moves(bus, vary.uniform(0.005, 0.05))
        bus.unplug()
        fault = station.fault()
        assert fault.reason == "BUS_LOST"
        wait_until(lambda: not client.is_serving())
        assert jogging.refusal().code == UNAVAILABLE
        assert client.status().connection_error
    assert station.daemon.process.poll() is None
    bus.inject("brownout", servo_id=vary.choice(JOINT_IDS), silence_s=0.0)
    bus.replug()
    wait_until(client.is_serving, 30.0)
    status = client.status()
    assert (status.lifecycle, status.fault.reason) == (Lifecycle.FAULT, "BUS_LOST")
    assert torques(bus) == {False}
    assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
    assert torques(bus) == {False}, "only Activate brings torque back"
    with station.active():
        assert torques(bus) == {True}


def test_row_21_overloaded_servo_is_rebooted_by_the_operator_alone(station, seed):
    client, bus = station.client, station.bus
    servo_id = JOINT_IDS[seed % len(JOINT_IDS)]  # each may be rebooted three times
    with station.active() as lease:
        bus.inject("overload", servo_id=servo_id)
        fault = station.fault()
        assert fault.reason == "SERVO_OVERLOAD"
        assert NAMES[servo_id] in fault.message
        assert refused(client.activate, lease).code == grpc.StatusCode.FAILED_PRECONDITION
        wait_until(lambda: torques(bus) == {False})
    assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
    with client.lease("tester") as lease:
        assert refused(client.activate, lease).reason == "SERVO_OVERLOAD"
    assert torques(bus) == {False}
    answer = client.reboot_servo(NAMES[servo_id])
    assert answer.reboots_left < 3
    assert bus.table(servo_id)["hardware_error_status"] == 0
    again = refused(client.reboot_servo, NAMES[servo_id])
    assert (again.code, again.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REBOOT_LIMIT")
    assert torques(bus) == {False}, "a reboot never brings torque"
    with station.active():
        assert torques(bus) == {True}


def test_row_28_tripped_watchdog_is_a_fault_that_only_an_operator_ends(station, vary):
    client, bus = station.client, station.bus
    with station.active() as lease:
        tripped = vary.choice(JOINT_IDS)
        bus.set_register(tripped, "bus_watchdog", 1)
        bus.wait_for(lambda _: bus.table(tripped)["bus_watchdog"] in (1, 0xFF))
        fault = station.fault()
        assert fault.reason in ("WATCHDOG_TRIPPED", "SERVO_REBOOTED")
        assert NAMES[tripped] in fault.message
        wait_until(lambda: torques(bus) == {False})
        assert refused(client.activate, lease).code == grpc.StatusCode.FAILED_PRECONDITION
    assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
    assert torques(bus) == {False}
    with station.active():
        assert torques(bus) == {True}
        assert bus.table(tripped)["bus_watchdog"] == 50


@pytest.mark.parametrize("field", ["delta_rad", "speed_rad_s"])
def test_row_41_wrong_command_is_an_invalid_argument_and_reaches_no_servo(station, vary, field):
    wrong = {
        "delta_rad": vary.choice([nan, inf, -inf, 10.0, -0.6]),
        "speed_rad_s": vary.choice([nan, inf, -1.0, 0.6, 1e300]),
    }[field]
    motion = {"delta_rad": 0.1, "speed_rad_s": 0.1} | {field: wrong}
    with station.active() as lease:
        wait_until(lambda: len({g.ticks for g in goals_of(station)}) > 0)
        before = station.bus.state()["stamp_ns"]
        error = refused(
            station.client.jog,
            lease,
            vary.choice(JOINTS),
            motion["delta_rad"],
            motion["speed_rad_s"],
        )
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
        sent = [g for g in goals_of(station) if g.stamp_ns > before]
        assert len({(g.servo_id, g.ticks) for g in sent}) <= len(JOINT_IDS), "it only held"
        station.client.deactivate(lease)


def test_row_41_target_beyond_the_joints_range_reaches_no_servo(station, vary):
    joint = vary.choice(("FFJ10", "MFJ20", "THJ30"))  # 0.48 rad either way
    with station.active() as lease:
        before = len({(g.servo_id, g.ticks) for g in goals_of(station)})
        error = refused(station.client.jog, lease, joint, vary.choice([-0.52, 0.52]), 0.5)
        assert (error.code, error.reason) == (grpc.StatusCode.OUT_OF_RANGE, "JOINT_OUT_OF_RANGE")
        assert len({(g.servo_id, g.ticks) for g in goals_of(station)}) <= before + 9, "it holds"
        station.client.deactivate(lease)


def goals_of(station) -> list:
    return Traffic(station.bus.records()).goals
