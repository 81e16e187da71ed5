"""Where the servo wants to be: the profile that runs towards the present goal.

In raw counts: positions in 1/4096 turn, velocities in 0.229 rev/min in velocity mode and in counts
per second in position modes. Source: e-manual, Profile Velocity (112), Bus Watchdog (98).
"""

from dataclasses import dataclass

from sim.servo.profile import Profile, ProfileShape, ramp, step, timed_profile, velocity_profile

_COUNTS_PER_TURN = 4096
COUNTS_PER_S = 0.229 * _COUNTS_PER_TURN / 60
"""Counts per second in one unit of Profile Velocity."""
_COUNTS_PER_S2 = 214.577 * _COUNTS_PER_TURN / 3600
_VELOCITY_PER_S = 214.577 / 0.229 / 60
_MS = 1e-3
_NS = 1e-9


@dataclass(frozen=True, slots=True)
class ProfileLimits:
    """Registers that shape a motion.

    Attributes:
        velocity: Profile Velocity: 0.229 rev/min, or ms in all if timed; 0 is infinite.
        acceleration: Profile Acceleration: 214.577 rev/min2, or ms if timed; 0 is infinite.
        is_timed: bit 2 of Drive Mode.
    """

    velocity: int
    acceleration: int
    is_timed: bool


class Motion:
    """The desired motion of one servo."""

    def __init__(self) -> None:
        self._profile = step(0.0)
        self._started_ns = 0
        self._velocity_from = 0.0
        self._velocity_goal = 0.0
        self._acceleration = 0.0
        self.is_halted = False

    def rest(self, position: float, now_ns: int) -> None:
        """Stay at `position` from now on, velocity zero."""
        self._profile, self._started_ns = step(position), now_ns
        self._velocity_from = self._velocity_goal = self._acceleration = 0.0
        self.is_halted = False

    def halt(self, position: float, now_ns: int) -> None:
        """Stop as the watchdog does: at once, and outputs stay zero until the next goal."""
        self.rest(position, now_ns)
        self.is_halted = True

    def aim(self, goal: int, limits: ProfileLimits, now_ns: int) -> None:
        """Head for a position, from where the profile has come to by now."""
        position, velocity = self.position(now_ns)
        if limits.is_timed:
            self._profile = timed_profile(
                position, velocity, goal, limits.velocity * _MS, limits.acceleration * _MS
            )
        else:
            self._profile = velocity_profile(
                position,
                velocity,
                goal,
                limits.velocity * COUNTS_PER_S,
                limits.acceleration * _COUNTS_PER_S2,
            )
        self._started_ns = now_ns
        self.is_halted = False

    def spin(self, goal: int, limits: ProfileLimits, now_ns: int) -> None:
        """Change to another velocity, from the one that the ramp has come to by now."""
        self._velocity_from = self.velocity(now_ns)
        self._velocity_goal = goal
        self._acceleration = limits.acceleration * _VELOCITY_PER_S
        if limits.is_timed and limits.acceleration:
            change = abs(goal - self._velocity_from)
            self._acceleration = change / (limits.acceleration * _MS)
        self._started_ns = now_ns
        self.is_halted = False

    def position(self, now_ns: int) -> tuple[float, float]:
        """Desired position, and velocity in counts per second."""
        if not self._profile.phases:
            return self._profile.goal, 0.0
        return self._profile.at((now_ns - self._started_ns) * _NS)

    def velocity(self, now_ns: int) -> float:
        """Desired velocity in velocity mode, in register units."""
        passed_s = (now_ns - self._started_ns) * _NS
        return ramp(self._velocity_from, self._velocity_goal, self._acceleration, passed_s)

    def is_ongoing(self, now_ns: int) -> bool:
        """Whether a position profile is still under way."""
        return (now_ns - self._started_ns) * _NS < self._profile.duration_s

    @property
    def profile(self) -> Profile:
        """The one in use; of shape STEP where nothing moves."""
        return self._profile

    @property
    def shape(self) -> ProfileShape:
        """For Moving Status."""
        return self._profile.shape
