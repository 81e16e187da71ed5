"""Nobody waits for a subscriber; what it loses is counted."""

import threading
import time

import pytest

from hal.faults import Fault
from hal.robots.dclaw import DCLAW
from mbctl.exit_codes import StartUpError
from mbctl.tasks.registry import make_task
from services.controller.subscriber import (
    SUBSCRIBERS,
    Subscriber,
    Watched,
    build_subscribers,
    subscriber,
)
from services.controller.subscriptions import WAITING_MAX, Subscriptions
from services.ipc.cycle_stream import CycleRecord
from tests.services.ipc.test_state_board import robot_state

FAULT = Fault("CURRENT_LIMIT", "too much", 1, 2, ())


def cycle(number: int) -> CycleRecord:
    return CycleRecord(number, number, 3, 1, "", 0, robot_state(0.0), None, 0)


class Noted(Subscriber):
    """Notes what it is handed, once it may go on."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.seen: list[object] = []
        self.is_closed = False

    def on_cycle(self, cycle: CycleRecord) -> None:
        self.may_go_on.wait(20.0)
        self.seen.append(cycle.number)

    def on_fault(self, fault: Fault) -> None:
        self.seen.append(fault)

    def close(self) -> None:
        self.is_closed = True


class Broken(Subscriber):
    def __init__(self) -> None: ...

    def on_cycle(self, cycle: CycleRecord) -> None:
        raise RuntimeError("no disk")

    def close(self) -> None:
        raise RuntimeError("nor here")


def test_messages_come_in_their_order_and_then_the_end(wait_for):
    noted = Noted()
    noted.may_go_on.set()
    both = Subscriptions({"broken": Broken(), "noted": noted})
    both.put_cycles([cycle(0), cycle(1)])
    both.put(FAULT)
    both.put_cycles([cycle(2)])
    failing = "SUBSCRIBER_FAILS: 'broken' failed at 3 messages: RuntimeError: no disk"
    wait_for(lambda: list(both.warnings()) == [failing])
    both.close()
    assert noted.seen == [0, 1, FAULT, 2]
    assert noted.is_closed


def test_what_is_too_slow_loses_cycles_and_is_not_waited_for(wait_for):
    slow = Noted()
    hub = Subscriptions({"slow": slow})
    began = time.monotonic()
    hub.put_cycles(cycle(number) for number in range(WAITING_MAX + 500))
    hub.put(FAULT)
    hub.close()
    assert time.monotonic() - began < 10.0
    (warning,) = hub.warnings()
    assert warning.startswith("SUBSCRIBER_BEHIND: 'slow' lost 7")
    slow.may_go_on.set()
    wait_for(lambda: slow.is_closed)
    assert slow.seen[-1] == FAULT, "there is room for a fault when cycles find none"


def test_a_gap_counts_as_lost_and_another_control_process_does_not():
    noted = Noted()
    noted.may_go_on.set()
    hub = Subscriptions({"noted": noted})
    hub.put_cycles([cycle(0), cycle(4), cycle(0), cycle(1)])
    hub.close()
    assert noted.seen == [0, 4, 0, 1]
    (warning,) = hub.warnings()
    assert "lost 3 messages" in warning


@pytest.fixture
def watched(tmp_path) -> Watched:
    return Watched("dclaw0", DCLAW, "mujoco", make_task("dclaw-turn-random"), tmp_path)


def test_one_is_built_with_its_settings_or_the_start_is_refused(watched):
    @subscriber("here-alone")
    class Here(Subscriber):
        def __init__(self, watched: Watched, count: int = 1) -> None:
            self.count = count

    try:
        (built,) = build_subscribers({"here-alone": {"count": 3}}, watched).values()
        assert isinstance(built, Here)
        assert built.count == 3
        with pytest.raises(StartUpError, match=r"does not start: TypeError: .*'cuont'"):
            build_subscribers({"here-alone": {"cuont": 3}}, watched)
        with pytest.raises(StartUpError, match=r"unknown subscriber 'here-alon'; did you mean"):
            build_subscribers({"here-alon": {}}, watched)
    finally:
        SUBSCRIBERS._definitions.pop("here-alone")
