"""What the control process is told when it is started, as one JSON line."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hal.backends import BACKENDS
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.units import DEFAULT_BAUD_RATE
from hal.safety import GateLimits
from mbctl.config.bus import BackendName, TrackerConfig

# One jog moves a joint by at most 30 degrees, and takes at most 11 s.
JOG_DELTA_MAX_RAD = math.pi / 6
JOG_SPEED_MIN_RAD_S = 0.05
JOG_SPEED_MAX_RAD_S = 0.5

Seconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]


class StopSettings(BaseModel):
    """A controlled stop: hold the last command, let the load go gradually, torque off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hold_s: Seconds = 0.5
    ramp_s: Seconds = 0.5

    def hurried(self) -> "StopSettings":
        """For a process that is told to end: torque is off well within a second."""
        return StopSettings(hold_s=min(self.hold_s, 0.05), ramp_s=min(self.ramp_s, 0.4))


class LatchedFault(BaseModel):
    """A fault that an earlier control process left behind; only ClearFault ends it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    message: str
    stamp_ns: int
    wall_time_ns: int


class ControlSettings(BaseModel):
    """Everything that the control process depends on besides what comes over shared memory.

    Attributes:
        model: robot model, such as "dclaw".
        port, baud_rate, calibration, bus, tracker: of a robot on a servo bus; see
            mbctl.config.RobotConfig.
        clock: "wall" paces by absolute deadlines; "lockstep" runs on virtual time as fast as it
            can and deterministically.
        period_s: control period; None takes the task's.
        seed: of starts, goals and action noise.
        service_timeout_s: a service heartbeat older than this stops the robot and the process.
        overruns_degraded: more missed periods than this without one kept end what runs, and the
            robot holds.
        overruns_in_a_row_max: more than this are a fault.
        latched: the fault that it begins with.
        realtime: try timer slack, memory locking, FIFO scheduling (wall clock only).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = "dclaw"
    backend: BackendName = "mujoco"
    port: str = ""
    baud_rate: Annotated[int, Field(gt=0)] = DEFAULT_BAUD_RATE
    calibration: Path | None = None
    bus: BusSettings = BusSettings()
    tracker: TrackerConfig | None = None
    task: str
    observation: str = "default"
    clock: Literal["wall", "lockstep"] = "wall"
    period_s: Seconds | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    gate: GateLimits = GateLimits()
    stop: StopSettings = StopSettings()
    service_timeout_s: Seconds = 0.5
    overruns_degraded: Annotated[int, Field(ge=1)] = 5
    overruns_in_a_row_max: Annotated[int, Field(ge=1)] = 20
    realtime: bool = True
    latched: LatchedFault | None = None

    @property
    def is_on_bus(self) -> bool:
        """Whether the robot consists of servos on a serial port."""
        return BACKENDS[self.backend].is_on_bus
