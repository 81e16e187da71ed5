"""The torso's pose reaches a motion capture client, and follows the torso."""

import time

import numpy as np
import pytest

from hal.trackers.udp import UdpTracker
from sim.servo_bus.client import VirtualBusError


def test_a_tracker_sees_the_simulated_torso(start_bus):
    tracker = UdpTracker(("torso",), "127.0.0.1:0", stale_s=5.0)
    tracker.start()
    try:
        bus = start_bus("dkitty", initial="stand", tracker_udp=tracker.address)
        bus.set_body([0.5, -0.25, 0.6, 0.0, 0.2, 0.0])
        deadline = time.monotonic() + 20
        while True:
            seen = tracker.read()
            if seen.valid[0] and abs(seen.pose[0, 0] - 0.5) < 0.05:
                break
            assert time.monotonic() < deadline, seen
            time.sleep(0.01)
        assert seen.pose[0, 1] == pytest.approx(-0.25, abs=0.05)
        bus.wait_for(lambda state: not state["moving"])
        # The socket holds only so many of the poses that come while nobody reads.
        bus.wait_for(
            lambda state: np.allclose(
                tracker.read().pose[0], state["bodies"]["torso"], rtol=0, atol=0.02
            )
        )
    finally:
        tracker.close()


def test_an_address_that_is_none_is_refused(start_bus):
    with pytest.raises(VirtualBusError, match="expected host:port"):
        start_bus("dkitty", tracker_udp="nowhere")
