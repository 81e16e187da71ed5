"""What the control process is told when it is started, as one JSON line."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hal.safety import GateLimits

Seconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]


class GateSettings(BaseModel):
    """Limits of the safety gate; see hal.safety.GateLimits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state_age_max_s: Annotated[float, Field(gt=0, le=1)] = 0.1
    invalid_cycles_max: Annotated[int, Field(ge=0, le=100)] = 3
    derate_from: Annotated[float, Field(gt=0, lt=1)] = 0.8

    def limits(self) -> GateLimits:
        """The same as the gate takes them."""
        return GateLimits(self.state_age_max_s, self.invalid_cycles_max, self.derate_from)


class StopSettings(BaseModel):
    """A controlled stop: hold the last command, let the load go gradually, torque off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hold_s: Seconds = 0.5
    ramp_s: Seconds = 0.5


class ControlSettings(BaseModel):
    """Everything that the control process depends on besides what comes over shared memory.

    Attributes:
        model: robot model, such as "dclaw".
        clock: "wall" paces by absolute deadlines; "lockstep" runs on virtual time as fast as it
            can and deterministically.
        period_s: control period; None takes the task's.
        seed: of starts, goals and action noise.
        service_timeout_s: a service heartbeat older than this stops the robot and the process.
        overruns_in_a_row_max: more missed periods than this without one kept are a fault.
        realtime: try timer slack, memory locking, FIFO scheduling (wall clock only).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = "dclaw"
    backend: Literal["mujoco"] = "mujoco"
    task: str
    observation: str = "default"
    clock: Literal["wall", "lockstep"] = "wall"
    period_s: Seconds | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    gate: GateSettings = GateSettings()
    stop: StopSettings = StopSettings()
    service_timeout_s: Seconds = 0.5
    overruns_in_a_row_max: Annotated[int, Field(ge=1)] = 20
    realtime: bool = True
