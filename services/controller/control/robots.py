"""The robot and the tracker that the settings of a control process ask for."""

from hal.backends import BACKENDS, RobotSetup
from hal.clock import Clock
from hal.robot import Robot
from hal.robots.registry import robot_spec
from hal.tracker import Tracker
from mbctl.config.robot import RobotConfig, TrackerConfig


def build_robot(config: RobotConfig, period_s: float, clock: Clock) -> Robot:
    """The robot, not yet configured.

    Raises:
        HalError: its calibration cannot be read or is another robot's.
        ValueError: settings that do not fit together.
    """
    spec, tracker = robot_spec(config.model), None
    if config.is_on_bus and config.tracker:
        tracker = build_tracker(config.tracker, spec.bodies, clock)
    setup = RobotSetup(
        spec,
        period_s,
        clock,
        config.backend,
        config.port,
        config.baud_rate,
        config.calibration,
        config.bus,
        tracker,
    )
    return BACKENDS[config.backend].build_robot(setup)


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
