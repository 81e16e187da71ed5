"""Datagrams over real sockets; ages on a clock of the test's own."""

import socket
import time

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.errors import TrackerError
from hal.trackers.datagram import PoseDatagram, encode_datagram
from hal.trackers.rotation import quaternion_from_matrix, yaw_matrix
from hal.trackers.udp import UdpTracker


class Sender:
    """A motion capture system."""

    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((host, int(port)))
        self.sequence = 0

    def send(self, x_m: float = 0.0, yaw_rad: float = 0.0, body: str = "torso", **changes) -> None:
        self.sequence += 1
        fields: dict = {
            "body": body,
            "position_m": np.array([x_m, 0.0, 0.3]),
            "quaternion_wxyz": quaternion_from_matrix(yaw_matrix(yaw_rad)),
            "sequence": self.sequence,
            "time_s": self.sequence * 0.01,
        }
        self.send_raw(encode_datagram(PoseDatagram(**(fields | changes))))

    def send_raw(self, data: bytes) -> None:
        self._socket.send(data)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start_ns=1_000_000_000)


@pytest.fixture
def tracker(clock: ManualClock):
    # Arrival is told by the kernel's clock, ages by the test's: generous, for a loaded machine.
    tracker = UdpTracker(("torso",), "127.0.0.1:0", stale_s=20.0, clock=clock)
    tracker.start()
    yield tracker
    tracker.close()


@pytest.fixture
def sender(tracker: UdpTracker):
    sender = Sender(tracker.address)
    yield sender
    sender.close()


def test_it_names_its_bodies(tracker: UdpTracker):
    assert tracker.bodies == ("torso",)


def test_before_the_first_pose_nothing_is_valid(tracker: UdpTracker):
    seen = tracker.read()
    assert seen.stamp_ns == 0
    assert seen.pose.shape == (1, 6)
    assert not seen.valid.any()


def test_poses_and_their_velocity_come_through(tracker: UdpTracker, sender: Sender):
    for step in range(5):
        sender.send(x_m=0.002 * step, yaw_rad=0.01 * step)
    seen = tracker.read()
    assert seen.valid.all()
    assert seen.pose[0] == pytest.approx([0.008, 0, 0.3, 0, 0, 0.04])
    assert seen.velocity[0] == pytest.approx([0.2, 0, 0, 0, 0, 1.0])
    assert tracker.counters["accepted"] == 5


def test_a_pose_grows_stale_and_comes_back(tracker: UdpTracker, sender: Sender, clock: ManualClock):
    sender.send()
    sender.send(x_m=1.0)
    assert tracker.read().valid.all()
    clock.advance(21_000_000_000)
    lost = tracker.read()
    assert not lost.valid.any()
    assert lost.pose[0, 0] == 1.0
    sender.send()
    sender.send()
    assert tracker.read().valid.all()


def test_what_lay_in_the_buffer_is_as_old_as_its_arrival(clock: ManualClock):
    tracker = UdpTracker(("torso",), "127.0.0.1:0", stale_s=0.2, clock=clock)
    tracker.start()
    sender = Sender(tracker.address)
    sender.send()
    sender.send()
    time.sleep(0.3)
    seen = tracker.read()
    assert tracker.counters["accepted"] == 2
    assert not seen.valid.any()
    assert clock.now_ns() - seen.stamp_ns >= 290_000_000
    sender.close()
    tracker.close()


def test_bad_datagrams_are_counted_and_change_nothing(tracker: UdpTracker, sender: Sender):
    sender.send(x_m=0.5)
    sender.send(x_m=0.5)
    sender.send_raw(b"hello")
    sender.send_raw(b"x" * 5000)
    sender.send(x_m=9.0, body="tail")
    sender.send_raw(b'{"body": "torso", "position_m": [NaN, 0, 0]}')
    seen = tracker.read()
    assert seen.pose[0, 0] == 0.5
    assert dict(tracker.counters) == {
        "accepted": 2,
        "malformed": 2,
        "too_large": 1,
        "unknown_body": 1,
        "out_of_order": 0,
    }
    assert "lacks quaternion_wxyz" in tracker.last_refusal


@pytest.mark.parametrize("changes", [{"sequence": 1}, {"sequence": 2}, {"time_s": 0.02}])
def test_a_pose_that_overtakes_none_is_dropped(tracker: UdpTracker, sender: Sender, changes: dict):
    sender.send()
    sender.send()
    sender.send(x_m=9.0, **changes)
    assert tracker.read().pose[0, 0] == 0.0
    assert tracker.counters["out_of_order"] == 1
    assert "count up" in tracker.last_refusal


def test_a_sender_that_starts_anew_is_believed_after_silence(
    tracker: UdpTracker, sender: Sender, clock: ManualClock
):
    sender.sequence = 1000
    sender.send()
    sender.send()
    tracker.read()
    sender.sequence = 0
    sender.send(x_m=2.0)
    assert tracker.read().pose[0, 0] == 0.0
    clock.advance(21_000_000_000)
    sender.send(x_m=2.0)
    sender.send(x_m=2.0)
    seen = tracker.read()
    assert seen.valid.all()
    assert seen.pose[0, 0] == 2.0


def test_bodies_go_by_the_senders_names(clock: ManualClock):
    bodies = ("torso", "target")
    tracker = UdpTracker(bodies, "127.0.0.1:0", names={"torso": "rigid 3"}, clock=clock)
    tracker.start()
    sender = Sender(tracker.address)
    for _ in range(2):
        sender.send(x_m=1.0, body="rigid 3")
        sender.send(x_m=2.0, body="target")
        sender.send(x_m=3.0, body="torso")
    assert tracker.read().pose[:, 0].tolist() == [1.0, 2.0]
    assert tracker.counters["unknown_body"] == 2
    sender.close()
    tracker.close()


def test_a_flood_does_not_hold_up_a_read(tracker: UdpTracker, sender: Sender):
    for _ in range(3000):
        sender.send_raw(b"noise")
    sender.send()
    tracker.read()
    assert 0 < tracker.counters["malformed"] <= 512
    tracker.read()
    sender.send()
    sender.send()
    assert tracker.read().valid.all()  # nothing of the flood is left before it


def test_a_port_in_use_is_refused_with_the_remedy(tracker: UdpTracker):
    second = UdpTracker(("torso",), tracker.address)
    with pytest.raises(TrackerError, match="stop it, or choose another port") as caught:
        second.start()
    assert caught.value.reason == "TRACKER_ADDRESS"
    with pytest.raises(TrackerError, match="not started"):
        second.read()


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(TrackerError, match="address of this machine"):
        UdpTracker(("torso",), "192.0.2.1:9763").start()


@pytest.mark.parametrize("listen", ["", "9763", "host:", ":9763", "host:x", "host:70000", "h:-1"])
def test_what_is_no_address_is_refused(listen: str):
    with pytest.raises(TrackerError, match="expected host:port"):
        UdpTracker(("torso",), listen)


@pytest.mark.parametrize(
    ("names", "match"),
    [({"tail": "x"}, "names are given for tail"), ({"torso": "target"}, "same name")],
)
def test_names_that_cannot_be_meant_are_refused(names: dict, match: str):
    with pytest.raises(TrackerError, match=match) as caught:
        UdpTracker(("torso", "target"), "127.0.0.1:0", names=names)
    assert caught.value.reason == "TRACKER_BODY_UNKNOWN"


def test_starting_and_closing_may_be_repeated(tracker: UdpTracker):
    address = tracker.address
    tracker.start()
    assert tracker.address == address
    tracker.close()
    tracker.close()


def test_it_listens_on_ipv6_too():
    tracker = UdpTracker(("torso",), "[::1]:0")
    try:
        tracker.start()
    except TrackerError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert tracker.address.startswith("[::1]:")
    tracker.close()
