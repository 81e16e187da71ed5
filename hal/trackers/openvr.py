"""Poses of HTC Vive trackers, through OpenVR: needs SteamVR and the optional extra `openvr`.

OpenVR's world has y up, ours z; it looks along its own -z, our bodies along their y. A tracker that
is screwed on otherwise than level and looking ahead is told by its mounting.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hal.clock import Clock, WallClock
from hal.errors import TrackerError
from hal.tracker import TrackedBodies
from hal.trackers.filter import STALE_S, BodyTracks
from hal.trackers.rotation import matrix_from_quaternion
from hal.types import Vector

_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_ORTHOGONALITY_ERROR_MAX = 1e-3  # OpenVR's matrices are single precision
_EVENTS_PER_READ = 64
_NS_PER_S = 1e9


class OpenVrTracker:
    """Poses of OpenVR devices, taken as of each `read`.

    Args:
        bodies: the B bodies to report.
        devices: body to serial number or index of its device.
        stale_s: a body whose device was last tracked longer ago is not valid.
        mounting: body to the quaternion [4] (w, x, y, z) that maps body coordinates to those of a
            device turned to z up; level and looking ahead unless given.
        clock: for the age of poses; the wall clock unless given.

    Raises:
        TrackerError: a body without a device, a device for no body, or a mounting that is none.
    """

    def __init__(
        self,
        bodies: tuple[str, ...],
        devices: Mapping[str, str | int],
        *,
        stale_s: float = STALE_S,
        mounting: Mapping[str, Sequence[float]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        if set(devices) != set(bodies):
            raise TrackerError(
                f"devices are given for {', '.join(sorted(devices)) or 'no body'}, expected one "
                f"each for {', '.join(bodies)}: a serial number such as LHR-12345678, or an index",
                reason="TRACKER_BODY_UNKNOWN",
            )
        self._bodies = bodies
        self._identifiers = [str(devices[body]) for body in bodies]
        self._mountings = [_mounting_matrix(body, mounting or {}) for body in bodies]
        self._clock = clock or WallClock()
        self._tracks = BodyTracks(len(bodies), stale_s)
        self._openvr: Any = None
        self._system: Any = None
        self._indices: list[int] = []

    @property
    def bodies(self) -> tuple[str, ...]:
        return self._bodies

    def start(self) -> None:
        """Connect to SteamVR and find the devices.

        Raises:
            TrackerError: TRACKER_DEPENDENCY without the Python package, TRACKER_UNREACHABLE without
                SteamVR, TRACKER_BODY_UNKNOWN without a device; each says what to do.
        """
        if self._system is not None:
            return
        openvr = _import_openvr()
        if not openvr.isRuntimeInstalled():
            raise TrackerError(
                "no OpenVR runtime is installed: install SteamVR", reason="TRACKER_UNREACHABLE"
            )
        try:
            self._system = openvr.init(openvr.VRApplication_Other)
        except openvr.OpenVRError as error:
            raise TrackerError(
                f"SteamVR cannot be reached ({type(error).__name__}): start it, and look there "
                f"whether the base stations and trackers are on",
                reason="TRACKER_UNREACHABLE",
            ) from error
        self._openvr = openvr
        try:
            connected = self._connected_devices()
            self._indices = [_find(connected, identifier) for identifier in self._identifiers]
        except BaseException:
            self.close()
            raise

    def read(self) -> TrackedBodies:
        """The poses as of now; never waits.

        Raises:
            TrackerError: TRACKER_UNREACHABLE, not started or SteamVR quits.
        """
        self._look_for_quit()
        openvr = self._openvr
        poses = (openvr.TrackedDevicePose_t * openvr.k_unMaxTrackedDeviceCount)()
        self._system.getDeviceToAbsoluteTrackingPose(openvr.TrackingUniverseStanding, 0.0, poses)
        now_ns = self._clock.now_ns()
        for body, device in enumerate(self._indices):
            matrix = _pose_matrix(poses[device], openvr.TrackingResult_Running_OK)
            if matrix is not None:
                rotation = _Z_UP @ matrix[:, :3] @ _Z_UP.T @ self._mountings[body]
                position_m = _Z_UP @ matrix[:, 3]
                self._tracks.update(body, now_ns, now_ns / _NS_PER_S, position_m, rotation)
        return self._tracks.snapshot(now_ns)

    def close(self) -> None:
        """Disconnect from SteamVR. Repeatable."""
        if self._system is not None:
            self._system = None
            self._openvr.shutdown()

    def _connected_devices(self) -> dict[str, int]:
        """Index by serial number of each device that is switched on."""
        openvr, system = self._openvr, self._system
        connected: dict[str, int] = {}
        for index in range(openvr.k_unMaxTrackedDeviceCount):
            if not system.isTrackedDeviceConnected(index):
                continue
            try:
                serial = system.getStringTrackedDeviceProperty(
                    index, openvr.Prop_SerialNumber_String
                )
            except openvr.OpenVRError:
                serial = ""  # a device without a serial number can still be given by its index
            connected[serial or f"(index {index})"] = index
        return connected

    def _look_for_quit(self) -> None:
        if self._system is None:
            raise TrackerError("the OpenVR tracker is not started", reason="TRACKER_UNREACHABLE")
        event = self._openvr.VREvent_t()
        for _ in range(_EVENTS_PER_READ):
            if not self._system.pollNextEvent(event):
                return
            if event.eventType == self._openvr.VREvent_Quit:
                self.close()
                raise TrackerError(
                    "SteamVR quits: start it again, then the controller",
                    reason="TRACKER_UNREACHABLE",
                )


def _import_openvr() -> Any:
    try:
        return importlib.import_module("openvr")
    except ImportError as error:
        raise TrackerError(
            f"the Python package openvr cannot be imported ({error}): install it with "
            f"python -m pip install 'mbctl[openvr]'",
            reason="TRACKER_DEPENDENCY",
        ) from error


def _find(connected: Mapping[str, int], identifier: str) -> int:
    if identifier in connected:
        return connected[identifier]
    if identifier.isascii() and identifier.isdigit() and int(identifier) in connected.values():
        return int(identifier)
    found = ", ".join(f"{serial} (index {index})" for serial, index in connected.items())
    raise TrackerError(
        f"no OpenVR device {identifier!r} is connected; connected: {found or 'none'}. Switch it "
        f"on, or pair it in SteamVR",
        reason="TRACKER_BODY_UNKNOWN",
    )


def _pose_matrix(pose: Any, running_ok: int) -> Vector | None:
    """[3, 4] of a device in OpenVR's world; None while it is not tracked, or the pose is none."""
    if not (pose.bPoseIsValid and pose.bDeviceIsConnected and pose.eTrackingResult == running_ok):
        return None
    matrix = np.array([list(row) for row in pose.mDeviceToAbsoluteTracking.m], dtype=np.float64)
    rotation = matrix[:, :3]
    if not np.isfinite(matrix).all():
        return None
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > _ORTHOGONALITY_ERROR_MAX:
        return None
    return matrix


def _mounting_matrix(body: str, mounting: Mapping[str, Sequence[float]]) -> Vector:
    quaternion = np.array(mounting.get(body, (1.0, 0.0, 0.0, 0.0)), dtype=np.float64)
    if quaternion.shape != (4,) or not abs(float(np.linalg.norm(quaternion)) - 1.0) <= 0.01:
        raise TrackerError(
            f"the mounting of {body!r} is {quaternion.tolist()}, expected a quaternion w, x, y, z "
            f"of length 1",
            reason="TRACKER_MOUNTING",
        )
    return matrix_from_quaternion(quaternion)
