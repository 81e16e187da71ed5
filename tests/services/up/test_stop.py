"""The first signal asks, the second insists, and handlers are given back."""

import os
import signal

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
