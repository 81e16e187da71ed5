"""How fast the robot's joints moved, physics step by physics step: shows when it came to rest."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # clients need no physics
    from sim.servo_bus.plant import Shaft

_STEPS_KEPT = 4000  # 10 s


class MotionSample(NamedTuple):
    """The robot after one physics step.

    Attributes:
        bus_ns: in the servos' time.
        stalled_ns: what that lags behind CLOCK_MONOTONIC, the standstills of the bus's process.
        speed_rad_s: of the fastest joint.
        torques: joints whose torque is on.
        following: those of them that drive to a goal; a tripped watchdog ends that.
    """

    bus_ns: int
    stalled_ns: int
    speed_rad_s: float
    torques: int
    following: int


class MotionTrace:
    """The last ten seconds in which the physics ran.

    Args:
        joints: whose motion counts.
    """

    def __init__(self, joints: "Sequence[Shaft]") -> None:
        self._joints = tuple(joints)
        self._samples: deque[MotionSample] = deque(maxlen=_STEPS_KEPT)

    def take(self, bus_ns: int, stalled_ns: int) -> None:
        """Note the state after a step."""
        speed = max(abs(joint.velocity_rad_s) for joint in self._joints)
        torques = sum(joint.drive.is_torque_on for joint in self._joints)
        following = sum(joint.drive.is_following for joint in self._joints)
        self._samples.append(MotionSample(bus_ns, stalled_ns, speed, torques, following))

    def since(self, monotonic_ns: int) -> list[MotionSample]:
        """The samples from `monotonic_ns` on, CLOCK_MONOTONIC, the oldest first."""
        return [one for one in self._samples if one.bus_ns + one.stalled_ns >= monotonic_ns]
