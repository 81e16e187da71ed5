"""The first signal asks, the second insists, and handlers are given back."""

import os
import signal
import threading
import time

import pytest

from services.up.stop import StopNow, StopRequested, StopSignals


def test_first_asks_second_insists():
    before = signal.getsignal(signal.SIGINT)
    with StopSignals() as signals:
        signals.check()
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.requested
        with pytest.raises(StopRequested):
            signals.check()
        with pytest.raises(StopNow):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_first_is_acknowledged_while_the_program_waits():
    acknowledged: list[float] = []
    with StopSignals(lambda: acknowledged.append(time.monotonic())) as signals:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.monotonic()
        time.sleep(1.0)
        assert signals.requested
    assert len(acknowledged) == 1
    assert acknowledged[0] < began + 0.9  # 0.1 s, on a machine that is not busy


def test_none_is_acknowledged_where_none_arrives():
    acknowledged: list[int] = []
    with StopSignals(lambda: acknowledged.append(1)):
        pass
    assert not acknowledged


def test_more_than_two_change_nothing():
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(StopNow):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # while the robot is being stopped
        with pytest.raises(StopNow):
            signals.check_now()


def test_a_signal_to_the_process_and_its_group_is_one_request():
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.requested
        assert not signals.insisted
        signals._last = (signal.SIGTERM, time.monotonic() - 1.0)
        with pytest.raises(StopNow):
            os.kill(os.getpid(), signal.SIGTERM)
