"""Which signals ask to stop, and how often somebody has asked."""

import signal
import subprocess
import sys

import pytest

from hal.stop_signals import REPEAT_S, StopRequests


@pytest.mark.parametrize(
    ("seconds", "requests"),
    [
        ([0.0], 1),
        ([0.0, 0.01], 1),
        ([0.0, REPEAT_S - 0.01], 1),
        ([0.0, REPEAT_S + 0.01], 2),
        ([0.0, 0.4, 0.8], 2),  # who presses the key again and again is heard
        ([0.0, 1.0, 1.2, 2.0], 3),
    ],
)
def test_what_comes_within_half_a_second_is_the_same_request(seconds, requests):
    clock = iter(seconds)
    taken = StopRequests(lambda: next(clock))
    for _ in seconds:
        taken.take()
    assert taken.count == requests


_PROGRAM = """
import os, signal, sys
from hal.stop_signals import hold_stop_signals, release_stop_signals, stop_signals
sys.stdout.write(" ".join(number.name for number in stop_signals()) + "\\n")
hold_stop_signals()
os.kill(os.getpid(), signal.SIGTERM)
seen = []
signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
release_stop_signals()
sys.stdout.write(f"{len(seen)}\\n")
"""


@pytest.mark.parametrize(
    ("hangup", "heeded"),
    [(signal.SIG_DFL, "SIGTERM SIGINT SIGHUP"), (signal.SIG_IGN, "SIGTERM SIGINT")],
)
def test_nohup_is_respected_and_what_came_early_is_not_lost(hangup, heeded):
    before = signal.signal(signal.SIGHUP, hangup)
    try:
        answer = subprocess.check_output([sys.executable, "-P", "-c", _PROGRAM], text=True)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert answer.splitlines() == [heeded, "1"]
