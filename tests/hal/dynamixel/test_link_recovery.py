from itertools import pairwise

import pytest

from hal.clock import ManualClock
from hal.dynamixel.errors import PortError
from hal.dynamixel.link_recovery import FIRST_PAUSE_S, LAST_PAUSE_S, LinkRecovery
from hal.errors import RobotReadError


def failing() -> None:
    raise PortError("no such port", reason="PORT_MISSING")


def test_pauses_grow_to_their_limit_and_nothing_is_tried_in_between():
    clock = ManualClock(10**9)
    recovery = LinkRecovery(clock)
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
    recovery = LinkRecovery(clock)
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
    recovery = LinkRecovery(clock)
    recovery.lost("unplugged")
    clock.advance(10**9)
    assert recovery.retry(lambda: 7, "port") == 7
    assert recovery.reconnections == 1
    recovery.lost("again")
    clock.advance(round(0.6e9))
    assert recovery.retry(lambda: 8, "port") == 8
