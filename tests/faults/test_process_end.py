"""Loops that are late, processes that stand still, are told to end or are killed: rows 42 to 45."""

import contextlib
import os
import signal
import time

import pytest

from hal.lifecycle import Lifecycle
from mbctl import exit_codes
from services.bench.stop_motion import halt_after
from services.errors import ServiceError
from sim.servo_bus.oracle import Traffic
from tests.faults.fault_rig import move_and_look
from tests.faults.station import JOINTS, Station, refused, torques
from tests.hal.dynamixel.servo_rig import JOINT_IDS, running, tend
from tests.services.controller.conftest import starting_controllers, wait_until

pytestmark = pytest.mark.xdist_group("timing")

TRIPPED = 0xFF


@pytest.fixture
def make_station(take_bus, tmp_path):
    """A daemon of a test's own, on a bus as if new."""
    with contextlib.ExitStack() as stack:
        start = stack.enter_context(starting_controllers(tmp_path))

        def make(**options) -> Station:
            return stack.enter_context(Station(start, tmp_path / "run", take_bus(), **options))

        yield make


def are_tripped(bus) -> bool:
    return {bus.table(i)["bus_watchdog"] for i in JOINT_IDS} == {TRIPPED}


def test_row_42_missed_periods_are_skipped_then_held_then_a_fault(make_station, vary):
    """A mute servo makes each look at the bus take five periods."""
    period_s, limits = 0.02, {"misses_degraded": 100, "comm_fault_s": 1.0, "cycle_budget_s": 0.1}
    station = make_station(period_s=period_s, limits=limits)
    client, bus = station.client, station.bus
    with station.active() as lease:
        before, begun = client.status().loop, time.monotonic()
        bus.inject("mute", servo_id=vary.choice(JOINT_IDS))
        refusals = set()
        while client.status().lifecycle == Lifecycle.ACTIVE:
            refusals.add(refused(client.jog, lease, vary.choice(JOINTS), 0.05, 0.5).reason)
        assert "LOOP_DEGRADED" in refusals
        assert station.fault().reason == "LOOP_OVERRUN"
        bus.clear()
        wait_until(lambda: client.status().loop.overruns - before.overruns > 20)
        cycles = client.status().loop.cycles - before.cycles
        assert cycles <= (time.monotonic() - begun) / period_s + 55, "it made up for none"


def test_row_42_a_period_that_is_kept_ends_the_hold(make_station, vary):
    period_s, limits = 0.02, {"misses_degraded": 100, "comm_fault_s": 1.0, "cycle_budget_s": 0.1}
    station = make_station(period_s=period_s, limits=limits)
    client, bus = station.client, station.bus
    joint = vary.choice(JOINTS)
    with station.active() as lease:
        bus.inject("mute", servo_id=vary.choice(JOINT_IDS), duration_s=vary.uniform(0.9, 1.3))
        assert refused(client.jog, lease, joint, -0.3, 0.1).reason == "LOOP_DEGRADED"
        bus.wait_for(lambda state: not state["faults"])
        wait_until(lambda: _jogs(client, lease, joint))
        assert client.status().lifecycle == Lifecycle.ACTIVE


def _jogs(client, lease, joint: str) -> bool:
    try:
        client.jog(lease, joint, -0.02, 0.5)
    except ServiceError as error:
        if error.reason == "LOOP_DEGRADED":
            return False
        raise
    return True


def test_row_43_process_that_was_suspended_stops_the_robot(make_station, vary):
    station = make_station()
    client, bus = station.client, station.bus
    with station.active() as lease:
        jogging = station.jogging(lease, vary.choice(JOINTS))
        jogging.until_it_moves(bus, vary.uniform(0.005, 0.05))
        control = station.daemon.control_pid()
        os.kill(control, signal.SIGSTOP)
        time.sleep(vary.uniform(1.2, 2.0))  # the servos' watchdog is 1 s
        assert are_tripped(bus)
        os.kill(control, signal.SIGCONT)
        assert station.fault().reason == "STATE_STALE"
        jogging.end()
        wait_until(lambda: torques(bus) == {False})
    assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
    assert torques(bus) == {False}
    with station.active():
        assert torques(bus) == {True}


def test_row_43_jumps_of_the_wall_clock_are_nothing(bus, robot, vary, monkeypatch):
    time_s, time_ns = time.time, time.time_ns
    for _ in range(4):
        jump_s = vary.choice([-1, 1]) * vary.uniform(1.0, 1e8)
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: time_s() + jump_s)
        monkeypatch.setattr(time, "time_ns", lambda jump_s=jump_s: time_ns() + int(jump_s * 1e9))
        move_and_look(robot, 3, vary.uniform(0.0, 6.0))
        assert robot.health().warnings == ()


def test_row_44_a_signal_stops_the_robot_in_a_controlled_way(make_station, vary):
    station = make_station()
    bus = station.bus
    with station.active() as lease:
        jogging = station.jogging(lease, vary.choice(JOINTS))
        jogging.until_it_moves(bus, vary.uniform(0.005, 0.1))
        begun_ns = bus.state()["stamp_ns"]
        assert station.daemon.stop() == exit_codes.OK
        stopped_s = (bus.state()["stamp_ns"] - begun_ns) / 1e9
        jogging.end()
    assert stopped_s < 5.0
    assert torques(bus) == {False}
    traffic = Traffic(r for r in bus.records() if r.stamp_ns >= begun_ns)
    off_ns = min(t.stamp_ns for t in traffic.torques if not t.on)
    held = [g for g in traffic.goals if g.stamp_ns < off_ns]
    assert held, "it held before it let go"
    assert off_ns - begun_ns > 0.2e9


@pytest.mark.slow
def test_row_44_the_daemon_has_ended_within_a_second(make_station):
    """On a machine with other work to do, the best of a few tells of the code."""
    station, took_s = make_station(), []
    for _ in range(5):
        with station.active():
            begun = time.monotonic()
            station.daemon.stop()
            took_s.append(time.monotonic() - begun)
        station.restart()
        station.make_ready()
    assert min(took_s) <= 1.0, took_s


def test_row_45_killed_daemon_leaves_servos_that_stop_by_themselves(make_station, vary):
    station = make_station()
    bus = station.bus
    with station.active() as lease:
        jogging = station.jogging(lease, vary.choice(JOINTS))
        jogging.until_it_moves(bus, vary.uniform(0.005, 0.05))
        control = station.daemon.control_pid()
        for pid in (station.daemon.process.pid, control):  # nobody is left to take torque off
            os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        jogging.end()
        bus.wait_for(lambda _: are_tripped(bus))
        assert time.monotonic() - killed < 1.0 + 4.0
        goals = Traffic(bus.records()).goals
        assert time.monotonic_ns() - goals[-1].stamp_ns > 0.9e9
    assert torques(bus) == {True}, "they hold where they stopped"
    station.restart()
    station.make_ready()
    wait_until(lambda: station.client.status().health.joints)
    warnings = list(station.client.status().health.warnings)
    assert sum(w.startswith("TORQUE_FOUND_ON") for w in warnings) == 9
    assert torques(bus) == {True}
    with station.active():
        assert not are_tripped(bus)
        assert torques(bus) == {True}


def test_row_45_killed_control_process_leaves_no_torque_on(make_station, vary):
    station = make_station()
    client, bus = station.client, station.bus
    with station.active() as lease:
        jogging = station.jogging(lease, vary.choice(JOINTS))
        jogging.until_it_moves(bus, vary.uniform(0.005, 0.05))
        os.kill(station.daemon.control_pid(), signal.SIGKILL)
        assert jogging.refusal().reason == "CONTROL_PROCESS_DIED"
        wait_until(lambda: torques(bus) == {False})
        assert station.fault().reason == "CONTROL_PROCESS_DIED"
        wait_until(lambda: "took torque off" in client.status().fault.message)
    assert client.clear_fault().lifecycle == Lifecycle.INACTIVE
    assert torques(bus) == {False}


@pytest.mark.slow
def test_row_45_servos_stop_a_tenth_of_a_second_after_the_last_packet(bus):
    took_s = []
    for _ in range(10):
        with running(bus.port, watchdog_s=0.1, bus_period_s=0.02) as robot:
            with contextlib.suppress(Exception):
                tend(robot, 5)
            last_ns = max(s.stamp_ns for s in Traffic(bus.records()).sent)
            bus.wait_for(lambda _: are_tripped(bus))
            took_s.append(halt_after(bus.motion(last_ns - 50_000_000), last_ns).released_s)
    assert max(took_s) < 0.1 + 0.03, took_s
