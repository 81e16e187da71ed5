"""Damaged, late and foreign answers through a pseudo-terminal: no wrong value, no late return."""

import random
import time

import pytest

from hal.dynamixel.errors import BadStatusError, BusTimeoutError, ServoStatusError
from hal.dynamixel.packet import HEADER, encode_status

_TIMEOUT_NS = 6_000_000
_LATEST_S = 0.02  # far more than the quiet time after which the host asks again


class Liar:
    """Answers each read with data that tells of its address, and then spoils the answer."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def __call__(self, packet):
        address, length, rng = packet.parameters[:2], packet.parameters[2], self._rng
        told = (address + bytes(255 - byte for byte in address)).ljust(length, b"\0")
        honest = encode_status(packet.servo_id, 0, told)
        match rng.randrange(9):
            case 0:
                return []
            case 1:
                return [honest[: rng.randrange(len(honest))]]
            case 2:
                at = rng.randrange(len(honest))
                return [
                    honest[:at] + bytes((honest[at] ^ 1 << rng.randrange(8),)) + honest[at + 1 :]
                ]
            case 3:
                return [rng.randbytes(rng.randrange(40)), honest]
            case 4:
                return [encode_status(packet.servo_id + 1, 0, bytes(4)), honest]
            case 5:
                return [rng.uniform(0, _LATEST_S), honest]
            case 6:
                return [encode_status(packet.servo_id, 0, rng.randbytes(rng.choice((0, 3, 5))))]
            case 7:
                return [HEADER * rng.randrange(9) + honest * 2]
            case _:
                return [honest]


def fuzzed(scripted, count: int, seed: int) -> list[float]:
    """Ask `count` times; milliseconds past each deadline."""
    bus, rng, over_ms, right = scripted(Liar(seed)).bus, random.Random(seed), [], 0
    for _ in range(count):
        address = rng.randrange(600)
        deadline_ns = time.monotonic_ns() + _TIMEOUT_NS
        try:
            data = bus.read_block(1, address, 4, deadline_ns=deadline_ns)
            low, high = address & 0xFF, address >> 8
            assert data == bytes((low, high, 255 - low, 255 - high))
            right += 1
        except (BusTimeoutError, BadStatusError, ServoStatusError):
            pass
        over_ms.append((time.monotonic_ns() - deadline_ns) / 1e6)
    assert right > count / 10
    return sorted(over_ms)


def test_no_wrong_value_and_no_late_return(scripted):
    over_ms = fuzzed(scripted, 1000, seed=1)
    assert over_ms[len(over_ms) // 2] < 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_wrong_value_and_no_late_return_for_long(scripted):
    over_ms = fuzzed(scripted, 100_000, seed=2)
    assert over_ms[len(over_ms) // 2] < 1
