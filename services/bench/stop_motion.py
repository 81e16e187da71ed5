"""When a robot came to rest after its program was killed, from how fast its joints moved.

Time is that of the servos: it lacks the moments in which the bus's own process did not run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sim.servo_bus.motion_trace import MotionSample

STANDSTILL_RAD_S = 0.05
QUIET_S = 0.05
GOAL_S = 0.12
_GOAL_NS = round(GOAL_S * 1e9)
_QUIET_NS = round(QUIET_S * 1e9)


@dataclass(frozen=True, slots=True)
class Halt:
    """What came after a kill.

    Attributes:
        was_moving: at the moment of the kill.
        released_s: until no servo drove to a goal any more: limp, or stopped by its watchdog; None
            for not within the window.
        stop_s: until no joint was faster than STANDSTILL_RAD_S for QUIET_S after the program's end,
            that time not counted; None for not within the window.
        last_motion_s: until the last motion in the window, a limp robot's sinking included.
        travel_rad: of the fastest joint after GOAL_S, an upper bound for each joint.
        limp_s: until the last torque was off; None where some stayed on.
        stalled_s: how long the bus's process stood still meanwhile.
    """

    was_moving: bool
    released_s: float | None
    stop_s: float | None
    last_motion_s: float
    travel_rad: float
    limp_s: float | None
    stalled_s: float


def halt_after(samples: Sequence[MotionSample], kill_ns: int, end_ns: int | None = None) -> Halt:
    """What came of a kill at `kill_ns`, CLOCK_MONOTONIC.

    Args:
        samples: from before the kill to the end of the window.
        end_ns: when the program's last part sent no more of its motion; None for with the kill.

    Raises:
        ValueError: none of them is after the kill, or none before.
    """
    before = [one for one in samples if one.bus_ns + one.stalled_ns <= kill_ns]
    after = samples[len(before) :]
    if not before or not after:
        raise ValueError(f"{len(before)} samples before the kill and {len(after)} after it")
    # A standstill of the bus around the kill counts as one before it: the robot's time is longer.
    begin_ns = max(before[-1].bus_ns, kill_ns - after[0].stalled_ns)
    limp = next((one.bus_ns for one in after if one.torques == 0), None)
    released = next((one.bus_ns for one in after if one.following == 0), None)
    # A robot that goes step by step rests now and then; that is no standstill.
    from_ns = begin_ns if end_ns is None else begin_ns + max(0, end_ns - kill_ns)
    stop_ns = _standstill_ns(
        after, begin_ns, from_ns if released is None else max(from_ns, released)
    )
    moved = [one.bus_ns for one in after if one.speed_rad_s > STANDSTILL_RAD_S]
    return Halt(
        was_moving=before[-1].speed_rad_s > STANDSTILL_RAD_S,
        released_s=None if released is None else (released - begin_ns) / 1e9,
        stop_s=None if stop_ns is None else (stop_ns - begin_ns) / 1e9,
        last_motion_s=(moved[-1] - begin_ns) / 1e9 if moved else 0.0,
        travel_rad=_travel(after, begin_ns + _GOAL_NS),
        limp_s=None if limp is None else (limp - begin_ns) / 1e9,
        stalled_s=(after[-1].stalled_ns - before[-1].stalled_ns) / 1e9,
    )


def _standstill_ns(after: Sequence[MotionSample], begin_ns: int, from_ns: int) -> int | None:
    """The last motion before the first QUIET_S without any from `from_ns` on."""
    moved_ns = begin_ns
    for one in after:
        if one.speed_rad_s > STANDSTILL_RAD_S:
            moved_ns = one.bus_ns
        elif one.bus_ns - max(moved_ns, from_ns) >= _QUIET_NS:
            return moved_ns
    return None


def _travel(after: Sequence[MotionSample], from_ns: int) -> float:
    steps = pairwise(one for one in after if one.bus_ns >= from_ns)
    return sum(b.speed_rad_s * (b.bus_ns - a.bus_ns) / 1e9 for a, b in steps)
