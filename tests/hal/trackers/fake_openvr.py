"""A stand-in of the `openvr` package: its names and structures, devices that the test moves.

Names, numbers and layouts are those of the package, version 2.12; there is no SteamVR behind them.
"""

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np

TRACKED, CALIBRATING = 200, 100
QUIT = 700


class Matrix34(ctypes.Structure):
    _fields_ = (("m", (ctypes.c_float * 4) * 3),)


class Pose(ctypes.Structure):
    _fields_ = (
        ("mDeviceToAbsoluteTracking", Matrix34),
        ("vVelocity", ctypes.c_float * 3),
        ("vAngularVelocity", ctypes.c_float * 3),
        ("eTrackingResult", ctypes.c_int),
        ("bPoseIsValid", ctypes.c_bool),
        ("bDeviceIsConnected", ctypes.c_bool),
    )


class Event(ctypes.Structure):
    _fields_ = (("eventType", ctypes.c_uint32),)


class OpenVRError(Exception):
    """Root of the package's own errors."""


class HmdNotFoundError(OpenVRError):
    """One of the reasons for which `init` fails."""


class FakeOpenVr:
    """What `import openvr` gives, and the system that `init` returns.

    Attributes:
        serials: serial number by index of each device that is switched on; None for one without.
        poses: [3, 4] matrix by index, y up.
        result: tracking result of all devices.
        events: types of the events still to be polled.
        sessions: how often it was initialised and not shut down.
    """

    VRApplication_Other = 0
    TrackingUniverseStanding = 1
    Prop_SerialNumber_String = 1002
    TrackingResult_Running_OK = TRACKED
    VREvent_Quit = QUIT
    k_unMaxTrackedDeviceCount = 64  # noqa: N815 - the name of the package
    TrackedDevicePose_t = Pose
    VREvent_t = Event
    OpenVRError = OpenVRError

    def __init__(self) -> None:
        self.is_installed = True
        self.init_error: OpenVRError | None = None
        self.serials: dict[int, str | None] = {}
        self.poses: dict[int, np.ndarray] = {}
        self.result = TRACKED
        self.events: list[int] = []
        self.sessions = 0

    def isRuntimeInstalled(self) -> bool:
        return self.is_installed

    def init(self, application: int) -> Any:
        assert application == self.VRApplication_Other
        if self.init_error is not None:
            raise self.init_error
        self.sessions += 1
        return SimpleNamespace(
            isTrackedDeviceConnected=lambda index: index in self.serials,
            getStringTrackedDeviceProperty=self._serial,
            getDeviceToAbsoluteTrackingPose=self._fill,
            pollNextEvent=self._poll,
        )

    def shutdown(self) -> None:
        self.sessions -= 1

    def _serial(self, index: int, prop: int) -> str:
        assert prop == self.Prop_SerialNumber_String
        serial = self.serials[index]
        if serial is None:
            raise OpenVRError("unknown property")
        return serial

    def _fill(self, universe: int, ahead_s: float, poses: Any) -> Any:
        assert (universe, ahead_s) == (self.TrackingUniverseStanding, 0.0)
        for index, matrix in self.poses.items():
            poses[index].bPoseIsValid = True
            poses[index].bDeviceIsConnected = index in self.serials
            poses[index].eTrackingResult = self.result
            for row, values in enumerate(matrix.tolist()):
                poses[index].mDeviceToAbsoluteTracking.m[row][:] = values
        return poses

    def _poll(self, event: Event) -> bool:
        if not self.events:
            return False
        event.eventType = self.events.pop(0)
        return True
