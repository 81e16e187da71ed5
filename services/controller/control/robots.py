"""The robot behind a backend's name. Each backend is imported only where it is used: a real robot
needs no MuJoCo, a simulated one no serial port."""

from hal.clock import Clock
from hal.robot import Robot
from hal.robots.registry import robot_spec
from hal.tracker import Tracker
from mbctl.config.bus import TrackerConfig
from services.controller.control.settings import ControlSettings


def build_robot(settings: ControlSettings, period_s: float, clock: Clock) -> Robot:
    """The robot, not yet configured.

    Raises:
        HalError: its calibration cannot be read or is another robot's.
        ValueError: settings that do not fit together.
    """
    if settings.is_on_bus:
        return _bus_robot(settings, period_s, clock)
    from sim.robot import MujocoRobot

    return MujocoRobot(settings.model, period_s, clock)


def _bus_robot(settings: ControlSettings, period_s: float, clock: Clock) -> Robot:
    from hal.dynamixel.calibration import default_calibration, load_calibration
    from hal.dynamixel.robot import DynamixelRobot

    spec, path = robot_spec(settings.model), settings.calibration
    calibration = default_calibration(spec.model) if path is None else load_calibration(path)
    tracker = settings.tracker and build_tracker(settings.tracker, spec.bodies, clock)
    return DynamixelRobot(
        spec,
        calibration,
        settings.port,
        settings.bus,
        clock,
        period_s=period_s,
        baud_rate=settings.baud_rate,
        tracker=tracker,
        backend=settings.backend,
    )


def build_tracker(config: TrackerConfig, bodies: tuple[str, ...], clock: Clock) -> Tracker:
    """What tells the pose of these bodies, not yet started.

    Raises:
        TrackerError: devices or names that are not of these bodies.
    """
    stale_s, devices = config.stale_s, config.devices
    if config.kind == "openvr":
        from hal.trackers.openvr import OpenVrTracker

        return OpenVrTracker(
            bodies, devices, stale_s=stale_s, mounting=config.mounting, clock=clock
        )
    from hal.trackers.udp import UdpTracker

    return UdpTracker(bodies, config.listen, stale_s=stale_s, names=devices, clock=clock)
