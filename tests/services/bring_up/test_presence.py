"""Who answers on a bus: missing, renamed and doubled servos are told apart."""

import pytest

from hal.dynamixel.bus import ServoBus
from services.bring_up.presence import look_for
from sim.servo_bus.client import RunningBus

CLAW = (10, 11, 12, 20, 21, 22, 30, 31, 32, 50, 60)


def test_everybody_is_found(bus: ServoBus):
    presence = look_for(bus, CLAW)
    assert tuple(presence.found) == CLAW
    assert presence.found[11].model_number == 1020
    assert not presence.missing
    assert not presence.unexpected
    assert not presence.doubled


def test_a_mute_servo_is_missing(bus: ServoBus, fault):
    fault("mute", id=21)
    presence = look_for(bus, CLAW)
    assert presence.missing == (21,)
    assert not presence.doubled


def test_a_renamed_servo_is_missing_and_unexpected(running: RunningBus, bus: ServoBus):
    running.set_register(32, "id", 33)
    try:
        presence = look_for(bus, CLAW)
    finally:
        running.set_register(33, "id", 32)
    assert presence.missing == (32,)
    assert presence.unexpected == (33,)


def test_two_servos_of_one_id_are_doubled_and_not_missing(bus: ServoBus, fault):
    fault("duplicate_id", id=21)
    presence = look_for(bus, CLAW)
    assert presence.doubled == (21,)
    assert 21 not in presence.found
    assert not presence.missing


@pytest.mark.parametrize("kind", ["echo", "late"])
def test_an_odd_adapter_doubles_nobody(bus: ServoBus, fault, kind: str):
    fault(kind, **({"count": 2} if kind == "late" else {}))
    presence = look_for(bus, CLAW)
    assert tuple(presence.found) == CLAW
    assert not presence.doubled
