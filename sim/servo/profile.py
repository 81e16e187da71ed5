"""The motion that a servo makes of a new goal: phases of constant acceleration.

A profile says where the servo wants to be at each moment; the position loop follows it. Positions
are in any unit (the servo uses raw counts), time in seconds. Source: e-manual, "What is the
Profile", Profile Acceleration (108) and Profile Velocity (112).
"""

from dataclasses import dataclass
from enum import IntEnum
from math import copysign, sqrt


class ProfileShape(IntEnum):
    """Shape of the velocity over time; the numbers are bits 4 and 5 of Moving Status (123)."""

    STEP = 0
    RECTANGULAR = 1
    TRIANGULAR = 2
    TRAPEZOIDAL = 3


@dataclass(frozen=True, slots=True)
class Phase:
    """Part of a profile: `duration_s` at constant `acceleration` from `velocity`."""

    duration_s: float
    velocity: float
    acceleration: float

    @property
    def distance(self) -> float:
        """Way made in this phase."""
        return self.duration_s * (self.velocity + 0.5 * self.acceleration * self.duration_s)


@dataclass(frozen=True, slots=True)
class Profile:
    """Desired position over time.

    Attributes:
        start: position at time zero.
        goal: position from `duration_s` on, exactly.
        phases: in order; none means a step.
        shape: for Moving Status.
    """

    start: float
    goal: float
    phases: tuple[Phase, ...]
    shape: ProfileShape

    @property
    def duration_s(self) -> float:
        """Time from the start until the goal is reached."""
        return sum(phase.duration_s for phase in self.phases)

    def at(self, time_s: float) -> tuple[float, float]:
        """Desired position and velocity `time_s` seconds after the start (not negative)."""
        position = self.start
        for phase in self.phases:
            if time_s < phase.duration_s:
                velocity = phase.velocity + phase.acceleration * time_s
                return position + 0.5 * (phase.velocity + velocity) * time_s, velocity
            position += phase.distance
            time_s -= phase.duration_s
        return self.goal, 0.0


def step(goal: float) -> Profile:
    """At the goal at once."""
    return Profile(goal, goal, (), ProfileShape.STEP)


def velocity_profile(
    start: float, velocity: float, goal: float, max_velocity: float, max_acceleration: float
) -> Profile:
    """The fastest way from `start`, moving at `velocity`, to rest at `goal`.

    Args:
        max_velocity: 0 means infinite: a step, whatever the acceleration.
        max_acceleration: 0 means infinite: constant velocity all the way.
    """
    if max_velocity == 0:
        return step(goal)
    if start == goal and velocity == 0:
        return step(goal)
    if max_acceleration == 0:
        return _rectangle(start, goal, max_velocity)
    way = goal - start
    braking = velocity * abs(velocity) / (2 * max_acceleration)
    direction = copysign(1.0, way - braking)
    peak = sqrt(max(0.0, max_acceleration * direction * way + 0.5 * velocity**2))
    if peak <= max_velocity:
        shape = ProfileShape.TRIANGULAR
    else:
        shape, peak = ProfileShape.TRAPEZOIDAL, max_velocity
    phases = _ramps(way, velocity, direction * peak, max_acceleration)
    return Profile(start, goal, phases, shape)


def timed_profile(
    start: float, velocity: float, goal: float, duration_s: float, acceleration_s: float
) -> Profile:
    """A profile that takes `duration_s`, of it `acceleration_s` at either end.

    Args:
        duration_s: 0 means a step.
        acceleration_s: at most half of the duration, as the firmware has it; more counts as half.
    """
    if duration_s == 0:
        return step(goal)
    ramp_s = min(acceleration_s, 0.5 * duration_s)
    cruise = (goal - start - 0.5 * velocity * ramp_s) / (duration_s - ramp_s)
    if ramp_s == 0:
        return Profile(start, goal, (Phase(duration_s, cruise, 0.0),), ProfileShape.RECTANGULAR)
    cruise_s = duration_s - 2 * ramp_s
    phases = (
        Phase(ramp_s, velocity, (cruise - velocity) / ramp_s),
        Phase(cruise_s, cruise, 0.0),
        Phase(ramp_s, cruise, -cruise / ramp_s),
    )
    shape = ProfileShape.TRAPEZOIDAL if cruise_s > 0 else ProfileShape.TRIANGULAR
    return Profile(start, goal, phases, shape)


def ramp(velocity: float, goal: float, acceleration: float, time_s: float) -> float:
    """Velocity `time_s` after a new velocity goal; acceleration 0 means infinite."""
    if acceleration == 0 or acceleration * time_s >= abs(goal - velocity):
        return goal
    return velocity + copysign(acceleration * time_s, goal - velocity)


def _rectangle(start: float, goal: float, max_velocity: float) -> Profile:
    way = goal - start
    phase = Phase(abs(way) / max_velocity, copysign(max_velocity, way), 0.0)
    return Profile(start, goal, (phase,), ProfileShape.RECTANGULAR)


def _ramps(way: float, velocity: float, peak: float, acceleration: float) -> tuple[Phase, ...]:
    """From `velocity` to `peak`, at `peak`, to rest: `way` in all."""
    first = Phase(
        abs(peak - velocity) / acceleration, velocity, copysign(acceleration, peak - velocity)
    )
    last = Phase(abs(peak) / acceleration, peak, -copysign(acceleration, peak))
    rest = way - first.distance - last.distance
    # Rounding may leave a tiny way of the wrong sign.
    cruise_s = max(0.0, rest / peak) if peak != 0 else 0.0
    return first, Phase(cruise_s, peak, 0.0), last
