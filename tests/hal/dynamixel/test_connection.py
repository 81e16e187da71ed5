"""Activation that fails half way, and a lost port; refused connections are in tests/faults."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import pytest

from hal.clock import ManualClock
from hal.dynamixel.connection import (
    FIRST_PAUSE_S,
    LAST_PAUSE_S,
    BusCapacityError,
    PortRecovery,
    check_latency_timer,
)
from hal.dynamixel.errors import PortError
from hal.dynamixel.port import SerialPort
from hal.dynamixel.settings import BusSettings
from hal.errors import HalError, RobotReadError
from hal.lifecycle import Lifecycle
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.hal.dynamixel.servo_rig import (
    make_robot,
    pristine,
    torques,
)


@pytest.fixture(scope="module")
def shared_bus() -> Iterator[RunningBus]:
    with start_virtual_bus("dclaw", record=None) as bus:
        yield bus


@pytest.fixture
def bus(shared_bus: RunningBus) -> Iterator[RunningBus]:
    pristine(shared_bus)
    yield shared_bus
    shared_bus.clear()


def test_servo_that_falls_silent_during_activation_leaves_all_limp(bus: RunningBus):
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject("mute", servo_id=32)
        with pytest.raises(HalError) as caught:
            robot.activate()
        assert caught.value.reason == "SERVO_SILENT"
        assert "THJ32" in str(caught.value)
        assert robot.lifecycle is Lifecycle.INACTIVE
    assert not any(torques(bus).values())


@pytest.mark.parametrize(
    ("register", "value", "reason"),
    [
        ("position_p_gain", 0, "SERVO_GAINS"),
        ("goal_pwm", 20, "SERVO_OUTPUT_LIMIT"),
        ("velocity_limit", 1, "SERVO_SPEED_LIMIT"),
        ("homing_offset", 5, "HOMING_OFFSET_SET"),
    ],
)
def test_what_another_program_left_meanwhile_keeps_torque_off(
    bus: RunningBus, register, value, reason
):
    before = bus.table(21)[register]
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.set_register(21, register, value)
        try:
            with pytest.raises(HalError) as caught:
                robot.activate()
        finally:
            bus.set_register(21, register, before)
        assert caught.value.reason == reason
        assert "MFJ21 (servo 21)" in str(caught.value)
        assert f" {value}" in str(caught.value)
        assert "mbctl calibrate --configure" in str(caught.value)
        assert not any(torques(bus).values())
        robot.activate()


def test_weak_settings_are_warned_of_before_and_until_they_are_put_right(bus: RunningBus):
    bus.set_register(21, "position_p_gain", 0)
    with make_robot(bus.port) as robot:
        robot.configure()
        assert any(w.startswith("SERVO_GAINS: MFJ21") for w in robot.health().warnings)
        bus.set_register(21, "position_p_gain", 800)
        robot.activate()
        assert not any(w.startswith("SERVO_GAINS") for w in robot.health().warnings)


def test_a_valve_that_cannot_turn_keeps_torque_off_as_well(bus: RunningBus):
    bus.set_register(50, "position_p_gain", 0)
    with make_robot(bus.port) as robot:
        robot.configure()
        with pytest.raises(HalError, match=r"valve \(servo 50\)"):
            robot.activate()


def test_all_that_is_wrong_is_told_at_once(bus: RunningBus):
    bus.set_register(20, "goal_pwm", 20)
    bus.set_register(21, "position_p_gain", 0)
    bus.set_register(22, "position_p_gain", 0)
    with make_robot(bus.port) as robot:
        robot.configure()
        with pytest.raises(HalError) as caught:
            robot.activate()
    assert "MFJ20 (servo 20): goal pwm 20" in str(caught.value)
    assert "MFJ21 (servo 21), MFJ22 (servo 22): position p gain 0" in str(caught.value)


# --- the line


@dataclass
class Adaptor:
    timer_ms: int | None
    low_latency: bool = False
    path: str = "/dev/serial/by-id/u2d2"

    def latency_timer_ms(self) -> int | None:
        return self.timer_ms


def check(adaptor: Adaptor, latency_timer_max_ms: int = 1) -> None:
    settings = BusSettings(latency_timer_max_ms=latency_timer_max_ms)
    check_latency_timer(cast(SerialPort, adaptor), settings)


def test_row_19_slow_adaptor_is_refused_with_the_command_that_cures_it():
    with pytest.raises(BusCapacityError, match=r"16 ms.*echo 1 \| sudo tee .*u2d2") as caught:
        check(Adaptor(16))
    assert caught.value.reason == "LATENCY_TIMER"


def test_adaptors_that_are_fast_or_have_no_timer_pass():
    check(Adaptor(1))
    check(Adaptor(None))
    check(Adaptor(16, low_latency=True))
    check(Adaptor(16), latency_timer_max_ms=16)
    with pytest.raises(BusCapacityError):
        check(Adaptor(17), latency_timer_max_ms=16)


def failing() -> None:
    raise PortError("no such port", reason="PORT_MISSING")


def test_pauses_grow_to_their_limit_and_nothing_is_tried_in_between():
    clock = ManualClock(10**9)
    recovery = PortRecovery(clock)
    recovery.lost("unplugged")
    tries: list[float] = []
    for _ in range(3000):
        clock.advance(10_000_000)

        def connect() -> None:
            tries.append(clock.now_ns() / 1e9)
            failing()

        with pytest.raises(RobotReadError) as caught:
            recovery.retry(connect, "/dev/ttyUSB0")
        assert caught.value.reason == "BUS_LOST"
    pauses = [b - a for a, b in pairwise(tries)]
    assert tries[0] == pytest.approx(1 + FIRST_PAUSE_S, abs=0.02)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(LAST_PAUSE_S, abs=0.02)
    assert "PORT_MISSING" in recovery.cause


def test_owed_torque_off_is_tried_twice_a_second_until_it_is_confirmed():
    clock = ManualClock(10**9)
    recovery = PortRecovery(clock)
    assert not recovery.is_torque_off_due()
    recovery.owes_torque_off = True
    tries = 0
    for _ in range(300):
        tries += recovery.is_torque_off_due()
        clock.advance(10_000_000)
    assert tries == 6
    recovery.owes_torque_off = False
    assert not recovery.is_torque_off_due()


def test_success_is_counted_and_the_next_loss_begins_anew():
    clock = ManualClock(10**9)
    recovery = PortRecovery(clock)
    recovery.lost("unplugged")
    clock.advance(10**9)
    assert recovery.retry(lambda: 7, "port") == 7
    assert recovery.reconnections == 1
    recovery.lost("again")
    clock.advance(round(0.6e9))
    assert recovery.retry(lambda: 8, "port") == 8
