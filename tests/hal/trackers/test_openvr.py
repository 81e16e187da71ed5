"""The OpenVR tracker against a stand-in of the package; nothing here has seen SteamVR."""

import sys

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.errors import TrackerError
from hal.trackers.openvr import OpenVrTracker
from hal.trackers.rotation import matrix_from_angles, quaternion_from_matrix, yaw_matrix
from tests.hal.trackers.fake_openvr import CALIBRATING, QUIT, FakeOpenVr, HmdNotFoundError

LEVEL = np.hstack([np.eye(3), np.zeros((3, 1))])


def placed(right_m: float, up_m: float, back_m: float) -> np.ndarray:
    """Level and looking ahead, which in OpenVR is along -z."""
    pose = LEVEL.copy()
    pose[:, 3] = right_m, up_m, back_m
    return pose


@pytest.fixture
def vr(monkeypatch: pytest.MonkeyPatch) -> FakeOpenVr:
    fake = FakeOpenVr()
    fake.serials = {0: "HMD-0", 1: "LHB-1", 5: "LHR-5"}
    fake.poses = {5: placed(0.0, 0.3, 0.0)}
    monkeypatch.setitem(sys.modules, "openvr", fake)  # pyright: ignore[reportArgumentType]
    return fake


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start_ns=1_000_000_000)


@pytest.fixture
def tracker(vr: FakeOpenVr, clock: ManualClock):
    tracker = OpenVrTracker(("torso",), {"torso": "LHR-5"}, clock=clock)
    tracker.start()
    yield tracker
    tracker.close()


def read_twice(tracker: OpenVrTracker, clock: ManualClock):
    tracker.read()
    clock.advance(10_000_000)
    return tracker.read()


def test_it_names_its_bodies(tracker: OpenVrTracker):
    assert tracker.bodies == ("torso",)


def test_up_and_ahead_change_from_openvrs_axes_to_ours(
    tracker: OpenVrTracker, vr: FakeOpenVr, clock: ManualClock
):
    vr.poses[5] = placed(right_m=0.1, up_m=0.3, back_m=-2.0)
    seen = read_twice(tracker, clock)
    assert seen.valid.all()
    assert seen.pose[0] == pytest.approx([0.1, 2.0, 0.3, 0, 0, 0])


def test_turning_left_is_turning_about_our_z(
    tracker: OpenVrTracker, vr: FakeOpenVr, clock: ManualClock
):
    sine, cosine = np.sin(0.3), np.cos(0.3)
    vr.poses[5][:, :3] = [[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]]  # about OpenVR's y
    assert read_twice(tracker, clock).pose[0, 3:] == pytest.approx([0, 0, 0.3], abs=1e-6)


def test_velocity_comes_of_two_poses(tracker: OpenVrTracker, vr: FakeOpenVr, clock: ManualClock):
    assert not tracker.read().valid.any()
    vr.poses[5] = placed(0.0, 0.3, -0.005)
    clock.advance(10_000_000)
    seen = tracker.read()
    assert seen.velocity[0] == pytest.approx([0, 0.5, 0, 0, 0, 0], abs=1e-5)
    assert seen.stamp_ns == clock.now_ns()


def test_a_mounting_turns_the_device_into_the_body(vr: FakeOpenVr, clock: ManualClock):
    """The tracker sits turned to the left by a quarter: the body looks to its right."""
    mounted = quaternion_from_matrix(yaw_matrix(-np.pi / 2)).tolist()
    tracker = OpenVrTracker(
        ("torso",), {"torso": 5}, mounting={"torso": mounted}, clock=clock, stale_s=1.0
    )
    tracker.start()
    matrix = matrix_from_angles(read_twice(tracker, clock).pose[0, 3:])
    assert matrix == pytest.approx(yaw_matrix(-np.pi / 2), abs=1e-6)
    tracker.close()


def _lose_by_result(vr: FakeOpenVr) -> None:
    vr.result = CALIBRATING


def _lose_by_power(vr: FakeOpenVr) -> None:
    del vr.serials[5]


def _lose_by_sight(vr: FakeOpenVr) -> None:
    vr.poses.clear()


def _lose_by_nan(vr: FakeOpenVr) -> None:
    vr.poses[5][0, 3] = np.nan


def _lose_by_zeros(vr: FakeOpenVr) -> None:
    vr.poses[5][:] = 0.0


@pytest.mark.parametrize(
    "lose", [_lose_by_result, _lose_by_power, _lose_by_sight, _lose_by_nan, _lose_by_zeros]
)
def test_a_lost_body_is_invalid_and_keeps_its_pose(
    tracker: OpenVrTracker, vr: FakeOpenVr, clock: ManualClock, lose
):
    assert read_twice(tracker, clock).valid.all()
    lose(vr)
    clock.advance(101_000_000)
    seen = tracker.read()
    assert not seen.valid.any()
    assert seen.pose[0, 2] == pytest.approx(0.3)


@pytest.mark.parametrize("identifier", ["LHR-5", "5", 5])
def test_a_device_is_found_by_serial_or_index(vr: FakeOpenVr, identifier):
    tracker = OpenVrTracker(("torso",), {"torso": identifier})
    tracker.start()
    tracker.close()
    assert vr.sessions == 0


def test_a_device_without_serial_is_found_by_index(vr: FakeOpenVr, clock: ManualClock):
    vr.serials[7] = None
    vr.poses[7] = placed(0.0, 0.4, 0.0)
    tracker = OpenVrTracker(("torso",), {"torso": 7}, clock=clock)
    tracker.start()
    assert read_twice(tracker, clock).pose[0, 2] == pytest.approx(0.4)
    tracker.close()


@pytest.mark.parametrize("identifier", ["LHR-6", "6", "-5"])
def test_a_device_that_is_off_is_named_with_those_that_are_on(vr: FakeOpenVr, identifier):
    with pytest.raises(TrackerError, match=r"connected: .*LHR-5 \(index 5\)") as caught:
        OpenVrTracker(("torso",), {"torso": identifier}).start()
    assert caught.value.reason == "TRACKER_BODY_UNKNOWN"
    assert vr.sessions == 0


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openvr", None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TrackerError, match=r"pip install 'mbctl\[openvr\]'") as caught:
        OpenVrTracker(("torso",), {"torso": "LHR-5"}).start()
    assert caught.value.reason == "TRACKER_DEPENDENCY"


def test_without_a_runtime_or_a_headset_it_says_so(vr: FakeOpenVr):
    tracker = OpenVrTracker(("torso",), {"torso": "LHR-5"})
    vr.is_installed = False
    with pytest.raises(TrackerError, match="install SteamVR"):
        tracker.start()
    vr.is_installed, vr.init_error = True, HmdNotFoundError()
    with pytest.raises(TrackerError, match="HmdNotFoundError") as caught:
        tracker.start()
    assert caught.value.reason == "TRACKER_UNREACHABLE"


def test_when_steamvr_quits_it_lets_go(tracker: OpenVrTracker, vr: FakeOpenVr):
    vr.events = [1, QUIT]
    with pytest.raises(TrackerError, match="quits") as caught:
        tracker.read()
    assert caught.value.reason == "TRACKER_UNREACHABLE"
    assert vr.sessions == 0
    with pytest.raises(TrackerError, match="not started"):
        tracker.read()
    tracker.start()
    assert vr.sessions == 1


def test_starting_and_closing_may_be_repeated(tracker: OpenVrTracker, vr: FakeOpenVr):
    tracker.start()
    assert vr.sessions == 1
    tracker.close()
    tracker.close()
    assert vr.sessions == 0


@pytest.mark.parametrize("devices", [{}, {"tail": "LHR-5"}, {"torso": "a", "tail": "b"}])
def test_each_body_needs_its_device(devices: dict):
    with pytest.raises(TrackerError, match="expected one each for torso"):
        OpenVrTracker(("torso",), devices)


@pytest.mark.parametrize("mounting", [[1.0, 0, 0], [0.0, 0, 0, 0], [np.nan, 0, 0, 0]])
def test_a_mounting_that_is_no_rotation_is_refused(mounting: list):
    with pytest.raises(TrackerError, match="expected a quaternion"):
        OpenVrTracker(("torso",), {"torso": "LHR-5"}, mounting={"torso": mounting})
