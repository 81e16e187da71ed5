"""Servos by id and baud rate, without a write."""

import pytest

from hal.dynamixel.errors import PortError
from services.bring_up.scan import scan
from sim.servo_bus.client import RunningBus
from sim.servo_bus.oracle import Traffic

CLAW = [10, 11, 12, 20, 21, 22, 30, 31, 32, 50, 60]


def test_servos_are_found_at_their_rate_only(running: RunningBus):
    said: list[str] = []
    before = len(running.records())
    found = scan(running.port, (57_600, 1_000_000), say=said.append)
    assert [s.servo_id for s in found] == CLAW
    assert {s.baud_rate for s in found} == {1_000_000}
    assert {(s.model_number, s.firmware) for s in found} == {(1020, 45)}
    assert said == ["asking at 57600 baud", "asking at 1000000 baud"]
    assert not Traffic(running.records()[before:]).writes


def test_a_port_that_is_gone_is_an_error():
    with pytest.raises(PortError, match="does not exist"):
        scan("/dev/ttyUSB99", (1_000_000,))


@pytest.mark.slow
def test_a_thorough_scan_finds_who_does_not_answer_everybody(running: RunningBus, fault):
    fault("drop", id=31, count=1)
    assert [s.servo_id for s in scan(running.port, (1_000_000,), thorough=True)] == CLAW
