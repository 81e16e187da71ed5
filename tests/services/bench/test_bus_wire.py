import pytest

from services.bench.bus_wire import rate_limit_hz, read_bytes, write_bytes


@pytest.mark.parametrize(
    ("servos", "fast", "bytes_"),
    [(9, False, 212), (9, True, 157), (12, False, 278), (12, True, 202)],
)
def test_a_read_has_the_bytes_of_its_packets(servos: int, fast: bool, bytes_: int):
    assert read_bytes(servos, 10, fast=fast) == bytes_


@pytest.mark.parametrize(("servos", "bytes_"), [(9, 59), (12, 74)])
def test_a_write_has_the_bytes_of_its_packet(servos: int, bytes_: int):
    assert write_bytes(servos, 4) == bytes_


@pytest.mark.parametrize(
    ("servos", "baud_rate", "hold_s", "fast", "rate"),
    [
        (9, 1_000_000, 0.0, False, 369),
        (9, 1_000_000, 0.001, False, 270),
        (9, 1_000_000, 0.016, False, 53),
        (9, 4_000_000, 0.001, True, 649),
        (12, 1_000_000, 0.001, False, 221),
        (12, 3_000_000, 0.001, True, 521),
    ],
)
def test_the_wire_allows_so_many_cycles(
    servos: int, baud_rate: int, hold_s: float, fast: bool, rate: int
):
    assert rate_limit_hz(servos, 10, 4, baud_rate, hold_s, fast=fast) == pytest.approx(
        rate, abs=0.6
    )
