"""The time that bytes take, against the closed formula of the timing budget."""

import pytest

from sim.servo_bus.wire import Burst, Line, UsbAdapter, transmission_ns

US = 1_000


def read_and_write_ns(servos: int, baud: int, delay_us: int, hold_ms: int, fast: bool) -> int:
    """One sync read of ten bytes and one sync write of a goal, as the bus places them."""
    line, adapter = Line(), UsbAdapter(hold_ms * 1_000_000)
    _, at_ns = line.occupy(14 + servos, baud, 0)
    for index in range(servos):
        first = index == 0
        count = 14 + 8 * first if fast else 21
        gap_us = delay_us if first or not fast else 0
        start_ns, at_ns = line.occupy(count, baud, at_ns + gap_us * US)
        adapter.receive(Burst(at_ns, start_ns, bytes(count)))
    due_ns = at_ns + hold_ms * 1_000_000
    size = 8 + servos * 14 if fast else servos * 21
    early = len(adapter.release(due_ns - 1))
    assert early < size
    assert early + len(adapter.release(due_ns)) == size
    return line.occupy(14 + 5 * servos, baud, due_ns)[1]


# Rates of the table of loop rates: servos, baud, return delay us, USB hold ms, fast: Hz.
@pytest.mark.parametrize(
    ("servos", "baud", "delay_us", "hold_ms", "fast", "hz"),
    [
        (9, 57_600, 500, 1, False, 19),
        (9, 1_000_000, 500, 0, False, 139),
        (9, 1_000_000, 500, 1, False, 122),
        (9, 1_000_000, 500, 16, False, 43),
        (9, 1_000_000, 0, 0, False, 369),
        (9, 1_000_000, 0, 1, False, 270),
        (9, 1_000_000, 0, 16, False, 53),
        (9, 3_000_000, 0, 1, False, 525),
        (9, 4_000_000, 0, 1, False, 596),
        (9, 1_000_000, 0, 1, True, 316),
        (9, 1_000_000, 500, 1, True, 273),
        (12, 1_000_000, 0, 1, False, 221),
        (12, 1_000_000, 500, 16, False, 39),
        (12, 4_000_000, 0, 1, True, 592),
    ],
)
def test_loop_rates_are_those_of_the_formula(servos, baud, delay_us, hold_ms, fast, hz):
    period_ns = read_and_write_ns(servos, baud, delay_us, hold_ms, fast)
    assert 1e9 / period_ns == pytest.approx(hz, abs=0.6)


def test_ten_bits_a_byte():
    assert transmission_ns(100, 1_000_000) == 1_000_000
    assert transmission_ns(1, 57_600) == 173_611


def test_nothing_starts_before_the_line_is_free():
    line = Line()
    assert line.occupy(10, 1_000_000, 500) == (500, 100_500)
    assert line.occupy(10, 1_000_000, 600) == (100_500, 200_500)
    assert line.occupy(10, 1_000_000, 300_000) == (300_000, 400_000)


def test_an_unpaced_line_takes_no_time():
    line = Line(paced=False)
    assert line.occupy(1000, 57_600, 7) == (7, 7)
    assert line.occupy(1000, 57_600, 7) == (7, 7)


def test_a_full_usb_packet_does_not_wait_for_quiet():
    adapter = UsbAdapter(16_000_000)
    for index in range(6):
        adapter.receive(Burst(1000 * (index + 1), 1000 * index, bytes(100)))
    assert adapter.due_ns == 6000
    assert len(adapter.release(6000)) == 600


def test_quiet_in_the_middle_splits_what_is_handed_over():
    adapter = UsbAdapter(1000)
    adapter.receive(Burst(5000, 4500, b"late"))
    adapter.receive(Burst(100, 0, b"first"))
    adapter.receive(Burst(900, 400, b"second"))
    assert adapter.due_ns == 1900
    assert adapter.release(1900) == b"firstsecond"
    assert adapter.release(5999) == b""
    assert adapter.release(6000) == b"late"
    assert adapter.due_ns is None
