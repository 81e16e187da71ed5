"""The bus as measured: what is slow, what is lost, and where it comes from."""

from dataclasses import replace

import pytest

from hal.dynamixel.bus import ServoBus
from services.bring_up import bus_rate
from services.bring_up.bus_rate import BusRate, measure_rate, rate_findings
from services.bring_up.finding import Level
from services.bring_up.session import opened_bus
from services.bring_up.target import Target
from sim.servo_bus.client import start_virtual_bus

JOINTS = (10, 11, 12, 20, 21, 22, 30, 31, 32)
GOOD = BusRate(
    servos=9,
    read_ms=(4.0, 4.1, 4.2),
    write_ms=0.59,
    wire_ms=3.3,
    lost={},
    crc_errors=0,
    foreign=0,
    ping_ms=1.5,
)


def levels(rate: BusRate, target: Target) -> dict[str, Level]:
    return {f.subject: f.level for f in rate_findings(rate, target)}


def test_wire_times_are_those_of_the_bytes(bus: ServoBus):
    rate = measure_rate(bus, JOINTS, 1_000_000)
    # 14 + 9 bytes out, 9 times 11 + 23 in; 14 + 9 * 5 for the goals: 10 bits each
    assert rate.wire_ms == pytest.approx((23 + 9 * 34) / 100)
    assert rate.write_ms == pytest.approx(0.59)
    assert rate.read_quantile_ms(0.5) > rate.wire_ms
    assert len(rate.read_ms) <= 100
    assert not rate.lost or max(rate.lost.values()) < 10  # a busy machine is no broken bus


def test_nothing_is_wrong_with_a_quick_bus(claw: Target):
    assert set(levels(GOOD, claw).values()) == {Level.OK}
    assert GOOD.rate_hz == pytest.approx(1000 / 4.69)


def test_a_slow_bus_is_a_warning_and_one_slower_than_its_period_a_failure(claw: Target):
    slow = replace(GOOD, read_ms=(12.0,))
    assert levels(slow, claw)["bus rate"] is Level.WARN
    assert levels(replace(GOOD, read_ms=(25.0,)), claw)["bus rate"] is Level.FAIL
    assert levels(replace(GOOD, read_ms=(25.0,)), replace(claw, bus_period_s=0.1)) != {}
    patient = levels(replace(GOOD, read_ms=(25.0,)), replace(claw, bus_period_s=0.1))
    assert patient["bus rate"] is Level.WARN


def test_who_does_not_answer_is_named(claw: Target):
    once, often = (replace(GOOD, read_ms=(4.0,) * 100, lost={21: n}) for n in (1, 50))
    assert levels(once, claw)["bus errors"] is Level.WARN
    found = next(f for f in rate_findings(often, claw) if f.subject == "bus errors")
    assert found.level is Level.FAIL
    assert "servo 21 (MFJ21) 50 times" in found.message
    assert levels(replace(GOOD, crc_errors=3), claw)["bus errors"] is Level.WARN


def test_losses_of_all_alike_blame_no_servo(claw: Target):
    """Five of a hundred answers of everybody: the first joint is as well as any other."""
    for lost in ((5,) * 9, (8, 12, 8, 7, 11, 5, 11, 6, 5), (1, 1, 2, 1, 0, 1, 2, 1, 1)):
        spread = {i: n for i, n in zip(JOINTS, lost, strict=True) if n}
        rate = replace(GOOD, read_ms=(4.0,) * 100, lost=spread)
        found = next(f for f in rate_findings(rate, claw) if f.subject == "bus errors")
        assert found.level is Level.WARN
        assert "all servos alike" in found.message
        assert not [j for j in JOINTS if f"servo {j}" in found.message + found.remedy]
        assert "first servo named" not in found.remedy
    heavy = replace(GOOD, read_ms=(4.0,) * 100, lost=dict.fromkeys(JOINTS, 20))
    assert levels(heavy, claw)["bus errors"] is Level.FAIL


def test_one_that_is_much_worse_than_the_others_comes_first(claw: Target):
    lost = dict.fromkeys(JOINTS, 4) | {21: 60}
    rate = replace(GOOD, read_ms=(4.0,) * 100, lost=lost)
    found = next(f for f in rate_findings(rate, claw) if f.subject == "bus errors")
    assert found.level is Level.FAIL
    assert "no answer from servo 21 (MFJ21) 60 times" in found.message


def test_a_tail_of_the_chain_is_no_loss_of_all(claw: Target):
    rate = replace(GOOD, read_ms=(4.0,) * 100, lost=dict.fromkeys(JOINTS[6:], 30))
    found = next(f for f in rate_findings(rate, claw) if f.subject == "bus errors")
    assert "no answer from servo 30 (THJ30) 30 times" in found.message
    assert "up to the first servo named" in found.remedy


def test_a_latency_of_16_ms_is_seen_in_the_answers(claw: Target):
    with (
        start_virtual_bus("dclaw", latency_ms=16) as slow,
        opened_bus(slow.port, 1_000_000) as bus,
    ):
        rate = measure_rate(bus, JOINTS, 1_000_000)
    assert rate.ping_ms > 16
    assert levels(rate, claw)["answer time"] is Level.FAIL


def test_a_mute_servo_does_not_end_the_measurement(bus: ServoBus, fault, monkeypatch):
    monkeypatch.setattr(bus_rate, "PINGS", 2)
    monkeypatch.setattr(bus_rate, "CYCLES", 2)
    fault("mute", id=10)
    rate = measure_rate(bus, JOINTS, 1_000_000)
    assert rate.lost[10] == 2
    assert rate.ping_ms > 50


def test_a_line_that_loses_answers_blames_no_servo(bus: ServoBus, fault, claw: Target):
    fault("drop", probability=0.08)
    found = next(
        f
        for f in rate_findings(measure_rate(bus, JOINTS, 1_000_000), claw)
        if f.subject == "bus errors"
    )
    assert "all servos alike" in found.message
    assert "FFJ10" not in found.message


def test_lost_and_damaged_answers_are_counted(bus: ServoBus, fault, claw: Target):
    fault("drop", id=31, probability=0.5)
    fault("flip", id=12, count=2)
    rate = measure_rate(bus, JOINTS, 1_000_000)
    assert 0 < rate.lost[31] < len(rate.read_ms)
    assert rate.crc_errors > 0
    assert levels(rate, claw)["bus errors"] is Level.FAIL
