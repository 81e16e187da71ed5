"""What the control process is told when it is started, as one JSON line."""

import math

from mbctl.config.models import ControlConfig, Frozen

# One jog moves a joint by at most 30 degrees, and takes at most 11 s.
JOG_DELTA_MAX_RAD = math.pi / 6
JOG_SPEED_MIN_RAD_S = 0.05
JOG_SPEED_MAX_RAD_S = 0.5


class LatchedFault(Frozen):
    """A fault that an earlier control process left behind; only ClearFault ends it."""

    reason: str
    message: str
    stamp_ns: int
    wall_time_ns: int


class ControlSettings(ControlConfig):
    """What the control process depends on besides what comes over shared memory."""

    latched: LatchedFault | None = None
    """The fault that it begins with."""
