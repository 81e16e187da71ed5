from itertools import cycle
from types import SimpleNamespace
from typing import cast

import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.census import BusCensusError, take_census
from hal.dynamixel.errors import BusTimeoutError
from hal.dynamixel.replies import BusCounters, Ping
from hal.dynamixel.settings import BusSettings

CALIBRATION = default_calibration("dclaw")
EXPECTED = tuple(j.servo_id for j in (*CALIBRATION.joints, *CALIBRATION.objects))


class Servos:
    """Answers of servos that are there; `garbled` ids answer with broken packets only.

    `twins` are two of one id: in turn, their answers come one after the other and together, which
    breaks them.
    """

    def __init__(
        self,
        models: dict[int, int],
        garbled: tuple[int, ...] = (),
        twins: tuple[int, ...] = (),
    ) -> None:
        self._models = models
        self._twins = twins
        self._collides = cycle((False, True))
        self._garbled = garbled
        self.counters = BusCounters()
        self.port = SimpleNamespace(baud_rate=1_000_000)

    def broadcast_ping(self, timeout_s: float) -> tuple[Ping, ...]:
        return tuple(Ping(i, m, 45) for i, m in self._models.items() if i not in self._garbled)

    def ping(self, servo_id: int, timeout_s: float) -> Ping:
        self._answer(servo_id)
        return Ping(servo_id, self._models[servo_id], 45)

    def read_block(self, servo_id: int, address: int, length: int) -> bytes:
        self._answer(servo_id)
        return bytes(length)

    def _answer(self, servo_id: int) -> None:
        if servo_id in self._twins and next(self._collides):
            self.counters.late_packets += 1  # the second answer to the read before
            self.counters.crc_errors += 1
            raise BusTimeoutError(f"no answer of {servo_id}", servo_id=servo_id)
        self.counters.crc_errors += servo_id in self._garbled
        if servo_id in self._garbled or servo_id not in self._models:
            raise BusTimeoutError(f"no answer of {servo_id}", servo_id=servo_id)


def census(servos: Servos, **settings: bool):
    return take_census(cast(ServoBus, servos), CALIBRATION, BusSettings(**settings))


def test_finds_joints_then_objects_in_their_order():
    found, extra = census(Servos(dict.fromkeys(reversed(EXPECTED), 1020)))
    assert tuple(servo.id for servo in found) == EXPECTED
    assert extra == ()


def test_unknown_model_is_refused():
    with pytest.raises(BusCensusError, match=r"MFJ20 \(servo 20\).*311") as caught:
        census(Servos(dict.fromkeys(EXPECTED, 1020) | {20: 311}))
    assert caught.value.reason == "WRONG_SERVO_MODEL"


def test_strangers_are_refused_unless_allowed():
    servos = dict.fromkeys((*EXPECTED, 60, 99), 1020)
    with pytest.raises(BusCensusError, match="99") as caught:
        census(Servos(servos))
    assert caught.value.reason == "UNEXPECTED_SERVO"
    assert census(Servos(servos), allow_unexpected_servos=True)[1] == (99,)


def test_id_that_answers_only_in_fragments_is_no_missing_servo():
    with pytest.raises(BusCensusError, match=r"THJ30 \(id 30\) collided") as caught:
        census(Servos(dict.fromkeys(EXPECTED, 1020), garbled=(30,)))
    assert caught.value.reason == "DUPLICATE_ID"


class HeldUp(Servos):
    """A host that hears no answer in time, and a few of them later."""

    def __init__(self, late: int) -> None:
        super().__init__(dict.fromkeys(EXPECTED, 1020))
        self._late = late

    def read_block(self, servo_id: int, address: int, length: int) -> bytes:
        self.counters.late_packets += self._late > 0
        self._late -= 1
        raise BusTimeoutError(f"no answer of {servo_id}", servo_id=servo_id)


def test_a_host_that_was_held_up_finds_no_twins():
    for late in (2, 4, 8, 20):
        assert len(census(HeldUp(late=late))[0]) == len(EXPECTED)
    with pytest.raises(BusCensusError, match="collided"):
        census(HeldUp(late=1000))


def test_two_of_one_id_whose_answers_do_not_always_collide_are_found():
    with pytest.raises(BusCensusError, match=r"MFJ21 \(id 21\) collided") as caught:
        census(Servos(dict.fromkeys(EXPECTED, 1020), twins=(21,)))
    assert caught.value.reason == "DUPLICATE_ID"


def test_several_missing_servos_are_all_named():
    with pytest.raises(BusCensusError) as caught:
        census(Servos({i: 1020 for i in EXPECTED if i not in (11, 50)} | {77: 1020}))
    assert caught.value.reason == "MISSING_SERVO"
    for part in ("FFJ11 (id 11)", "valve (id 50)", "not expected of these: 77"):
        assert part in str(caught.value)
