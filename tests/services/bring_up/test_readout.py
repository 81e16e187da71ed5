"""What is read of a servo is what it holds."""

from itertools import pairwise

import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import MODEL_NUMBERS, control_table_of
from services.bring_up.readout import (
    SETTINGS,
    STATE,
    MissingServosError,
    find_servo,
    read_servo,
    read_servos,
    read_table,
    runs,
)
from services.bring_up.session import opened_bus
from services.bring_up.target import Target
from sim.servo_bus.client import RunningBus, start_virtual_bus


@pytest.mark.parametrize("model", MODEL_NUMBERS)
def test_no_read_spans_a_gap_of_the_table(model: int):
    table = control_table_of(model)
    wanted = [table[name] for name in (*SETTINGS, *STATE)]
    groups = runs(reversed(wanted))
    assert sorted(r.name for g in groups for r in g) == sorted(r.name for r in wanted)
    for group in groups:
        for left, right in pairwise(group):
            assert left.address + left.size == right.address


def test_values_are_those_of_the_servo(running: RunningBus, bus: ServoBus, register):
    register(11, "homing_offset", -100)
    servo = read_servo(bus, find_servo(bus, 11), "FFJ11")
    table = running.table(11)
    steady = [name for name in (*SETTINGS, *STATE) if not name.startswith("present_")]
    assert {name: servo.values[name] for name in steady} == {name: table[name] for name in steady}
    assert servo.values["homing_offset"] == -100
    assert servo.voltage_v == pytest.approx(12.0, abs=0.5)
    assert not servo.torque_is_on


def test_noise_costs_a_try_and_nothing_else(bus: ServoBus, fault):
    ping = find_servo(bus, 11)
    fault("flip", id=11, count=2)
    assert read_servo(bus, ping, "FFJ11").values["operating_mode"] == 3


def test_all_servos_are_read_and_the_missing_ones_named_together(
    bus: ServoBus, target: Target, fault
):
    assert [r.servo_id for r in read_servos(bus, target)] == [s.servo_id for s in target.servos]
    fault("mute", id=60)
    assert len(read_servos(bus, target)) == len(target.servos) - 1
    fault("mute", id=21)
    fault("mute", id=31)
    with pytest.raises(MissingServosError, match=r"MFJ21 \(servo 21\), THJ31 \(servo 31\)"):
        read_servos(bus, target)


def test_the_whole_table_is_read(running: RunningBus, bus: ServoBus):
    table, values = read_table(bus, 31)
    assert tuple(values) == table.names
    assert values["id"] == 31


def test_old_firmware_lacks_registers_and_is_read_all_the_same():
    with start_virtual_bus("dclaw", firmware=30) as old, opened_bus(old.port, 1_000_000) as bus:
        servo = read_servo(bus, bus.wait_for(11), "FFJ11")
        assert servo.firmware == 30
        assert servo.values["startup_configuration"] == 0
        table, values = read_table(bus, 11)
        assert set(values) < set(table.names)
        assert values["id"] == 11
