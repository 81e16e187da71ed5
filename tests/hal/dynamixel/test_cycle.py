"""One look at all servos: who is asked again, and how, when answers are missing."""

from itertools import takewhile
from typing import cast

import numpy as np
import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import XM430_W350_TABLE
from hal.dynamixel.cycle import StateCycle
from hal.dynamixel.replies import BusCounters, SyncReply
from hal.dynamixel.servo import Servo
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.state_block import BLOCK, RETURN_LEVEL, BlockLayout
from hal.robots.registry import servo_layout

MS = 1_000_000
SERVOS = [Servo(joint, XM430_W350_TABLE, 45) for joint in servo_layout("dclaw").joints]
IDS = [servo.id for servo in SERVOS]


class Line:
    """Servos that answer at once, but for those that are mute; a wait for them takes its time.

    `ends_at_mute`: who comes behind a mute one in a chain does not answer either.
    """

    def __init__(self, mute: set[int], *, ends_at_mute: bool = False) -> None:
        self.mute = mute
        self.ends_at_mute = ends_at_mute
        self.now_ns = 0
        self.counters = BusCounters()
        self.asked: list[tuple[list[int], bool]] = []
        row = np.zeros(1, dtype=BLOCK)
        row["status_return_level"] = RETURN_LEVEL
        self.answer = row.tobytes()

    def sync_read(
        self, ids: list[int], address: int, length: int, *, deadline_ns: int, fast: bool
    ) -> SyncReply:
        self.asked.append((list(ids), fast))
        found = [] if fast and self.mute else [i for i in ids if i not in self.mute]
        is_waiting = (fast and bool(self.mute)) or ids[-1] in self.mute
        if self.ends_at_mute and self.mute & set(ids):
            found = [] if fast else list(takewhile(lambda i: i not in self.mute, ids))
            is_waiting = True
        self.now_ns = deadline_ns if is_waiting else self.now_ns + 3 * MS
        data = dict.fromkeys(found, self.answer)
        return SyncReply(data, dict.fromkeys(found, 0), tuple(i for i in ids if i not in found), 0)


def cycle_on(line: Line, *, fast: bool) -> StateCycle:
    settings = BusSettings(cycle_budget_s=0.018, fast_reads=fast)
    bus = cast(ServoBus, line)
    return StateCycle(bus, SERVOS, settings, lambda: line.now_ns, BlockLayout(224, BLOCK))


def answered(cycle: StateCycle) -> list[int]:
    """The servos that answer in one cycle."""
    fresh = cycle.run().fresh
    return [servo_id for servo_id, is_fresh in zip(IDS, fresh, strict=True) if is_fresh]


def look(line: Line, *, fast: bool) -> list[int]:
    return answered(cycle_on(line, fast=fast))


def test_a_common_answer_that_one_spoils_costs_the_others_nothing():
    line = Line({21})
    assert look(line, fast=True) == [i for i in IDS if i != 21]
    assert line.asked[0] == (IDS, True)
    assert sorted(line.asked[1][0]) == IDS
    assert line.asked[2:] == [([21], False)]
    assert line.counters.retries == 2


def test_one_that_is_missing_is_asked_alone():
    line = Line({21})
    assert look(line, fast=False) == [i for i in IDS if i != 21]
    assert line.asked == [(IDS, False), ([21], False)]


def test_nobody_is_asked_again_when_all_have_answered():
    line = Line(set())
    for fast in (True, False):
        line.asked.clear()
        assert look(line, fast=fast) == IDS
        assert line.asked == [(IDS, fast)]
    assert line.counters.retries == 0


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("mute", IDS)
def test_a_chain_that_ends_at_a_mute_servo_costs_the_others_nothing(mute: int, fast: bool):
    line = Line({mute}, ends_at_mute=True)
    cycle = cycle_on(line, fast=fast)
    if fast:
        answered(cycle)  # what was left of this one did not suffice to find out where it ends
    for _ in range(3):
        assert answered(cycle) == [i for i in IDS if i != mute]


@pytest.mark.parametrize("mute", [(10, 11), (21, 22), (32, 50), (10, 11, 12), (10, 21, 50)])
def test_chains_that_end_at_one_of_several_soon_tell_of_all_others(mute: tuple[int, ...]):
    cycle = cycle_on(Line(set(mute), ends_at_mute=True), fast=False)
    for _ in range(len(mute)):
        answered(cycle)
    for _ in range(3):
        assert answered(cycle) == [i for i in IDS if i not in mute]
