"""How long the service process and the control process wait before one counts the other as dead."""

from dataclasses import dataclass
from typing import Literal

from mbctl.config.models import ControlConfig


@dataclass(frozen=True)
class Patience:
    """Time-outs between the two processes, in seconds.

    Attributes:
        service_timeout_s: a service heartbeat older than this stops the robot.
        silence_s: a control loop that has not turned for so long is killed.
        reply_s: a command is answered within this.
        settle_s: a state that was reached shows within this.
        close_s: a control process that is told to end ends within this, or is killed.
        stop_s: its rows are on the disk within this.
        drain_s: the service process has ended within this.
    """

    service_timeout_s: float
    silence_s: float
    reply_s: float
    settle_s: float
    close_s: float
    stop_s: float
    drain_s: float


_PATIENCE = {
    # What moves must not wait for a process that is gone.
    "wall": Patience(
        service_timeout_s=0.5,
        silence_s=3.0,
        reply_s=10.0,
        settle_s=3.0,
        close_s=4.0,
        stop_s=4.5,
        drain_s=5.0,
    ),
    # Virtual time waits for both, so a process without a processor is late, not gone.
    "lockstep": Patience(
        service_timeout_s=30.0,
        silence_s=30.0,
        reply_s=25.0,
        settle_s=10.0,
        close_s=20.0,
        stop_s=25.0,
        drain_s=30.0,
    ),
}


def service_timeout_of(config: ControlConfig) -> float:
    """Age in s at which the service process's heartbeat counts as its death."""
    configured_s = config.loop.service_timeout_s
    return patience_of(config.clock).service_timeout_s if configured_s is None else configured_s


def patience_of(clock: Literal["wall", "lockstep"]) -> Patience:
    """As much as the clock allows."""
    return _PATIENCE[clock]
