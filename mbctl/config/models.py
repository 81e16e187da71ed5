"""What can be configured: frozen trees in which an unknown key is an error.

`model_dump_json` and `model_validate_json` are exact inverses: that is how a configuration goes to
a child process and into a run directory.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from hal.backends import BACKENDS
from hal.safety import GateLimits
from mbctl.config.endpoints import Listen, MetricsListen, OptionalListen, TlsConfig, check_listens
from mbctl.config.robot import Name, RobotConfig, RobotModel
from mbctl.config.typed import Frozen

Seed = Annotated[int, Field(ge=0, lt=2**31)]
DeviceName = Annotated[str, StringConstraints(pattern=r"^(auto|cpu|cuda(:[0-9]{1,3})?)$")]


class TaskConfig(Frozen):
    """What the robot is to do."""

    name: str
    """Task name, such as dclaw-turn-random."""
    observation: str = "default"
    """Observation variant of the task."""


class AlgorithmConfig(Frozen):
    """How it learns. `settings` hold the algorithm's own keys, resolved on top of the preset."""

    name: Name = "pal"
    preset: Name = "default"
    settings: dict[str, Any] = Field(default={})


class Rhythm(Frozen):
    """How long to learn and how often to look."""

    samples: int = Field(default=20_000, ge=1)
    """Valid rows of training episodes to collect."""
    evaluate_every: int = Field(default=2_500, ge=1)
    """Samples between two evaluations."""
    evaluation_episodes: int = Field(default=20, ge=1, le=1_000)
    """Episodes of an evaluation on the way."""
    final_episodes: int = Field(default=100, ge=1, le=1_000)
    """Episodes of the evaluation at the end."""


class StopConfig(Frozen):
    """A controlled stop: hold the last command, let the load go gradually, torque off."""

    hold_s: float = Field(default=0.5, gt=0, le=5)
    """The last command is held for so long."""
    ramp_s: float = Field(default=0.5, gt=0, le=5)
    """Then the load goes in so long."""

    def hurried(self) -> "StopConfig":
        """For a process that is told to end: torque is off well within a second."""
        return StopConfig(hold_s=min(self.hold_s, 0.05), ramp_s=min(self.ramp_s, 0.4))


class LoopConfig(Frozen):
    """When the control loop counts as late, and its service process as dead."""

    overruns_degraded: int = Field(default=5, ge=1, le=1_000_000)
    """More missed periods than this without one kept end what runs, and the robot holds."""
    overruns_in_a_row_max: int = Field(default=20, ge=1, le=1_000_000)
    """More than this are a fault."""
    service_timeout_s: float | None = Field(default=None, gt=0, le=60)
    """A heartbeat of the service process older than this stops the robot; when not set 0.5 s, in
    lockstep 30 s."""
    realtime: bool = True
    """Ask for timer slack, memory locking and FIFO scheduling; on the wall clock only."""


class _RunDir(Frozen):
    """Where a daemon works."""

    run_dir: Path
    """Directory that holds everything this daemon writes."""


class _Server(_RunDir):
    """What both daemons share."""

    metrics_listen: MetricsListen = ""
    """host:port of the Prometheus page; empty for none."""
    tls: TlsConfig | None = None
    """Needed to listen anywhere but on loopback or a unix socket."""


class ControlConfig(Frozen):
    """What the control process is told when it starts."""

    robot: RobotConfig = RobotConfig()
    task: TaskConfig
    clock: Literal["wall", "lockstep"] = "wall"
    """lockstep: virtual time, as fast as it can, deterministic; simulation only."""
    period_s: float | None = Field(default=None, ge=0.001, le=1)
    """Control period; the task's when not set."""
    seed: Seed = 0
    """Of starts, goals and action noise."""
    gate: GateLimits = GateLimits()
    stop: StopConfig = StopConfig()
    loop: LoopConfig = LoopConfig()

    @model_validator(mode="after")
    def _check_clock(self) -> "ControlConfig":
        if self.clock == "lockstep" and not BACKENDS[self.robot.backend].has_virtual_time:
            able = " or ".join(repr(n) for n in BACKENDS.names() if BACKENDS[n].has_virtual_time)
            raise ValueError(
                f"clock 'lockstep' needs backend {able}, not {self.robot.backend!r}: servos on a "
                "bus run in real time"
            )
        return self


class ControllerConfig(ControlConfig, _Server):
    """Everything the controller daemon knows."""

    listen: Listen = "127.0.0.1:50051"
    trainer: OptionalListen = "127.0.0.1:50052"
    """Address of the trainer; empty to run without one."""
    trainer_tls: TlsConfig | None = None
    spool_quota_mb: int = Field(default=1024, ge=1, le=1_000_000)
    """Rows that wait for the trainer may take this much disk."""
    row_ring_mb: int = Field(default=64, ge=1, le=4096)
    """Shared memory between the control loop and the spool."""
    planner_threads: int = Field(default=1, ge=1, le=64)
    """Threads that share the work of a plan; more than one where as many cores are idle."""
    planner_device: DeviceName = "cpu"
    """Where plans are made: cpu, cuda, cuda:N, or auto, a GPU where there is one."""
    subscribers: dict[str, dict[str, Any]] = Field(default={})
    """What looks on, by the name that its package gives it; each with its own settings."""

    @model_validator(mode="after")
    def _check_addresses(self) -> "ControllerConfig":
        check_listens(self.listen, self.metrics_listen, self.tls)
        return self


class LearnerConfig(_RunDir):
    """What the learner process is told when it starts."""

    robot_model: RobotModel = "dclaw"
    task: TaskConfig
    algorithm: AlgorithmConfig = AlgorithmConfig()
    seed: Seed = 0
    """Of weights, and of everything random in learning."""
    device: DeviceName = "cpu"
    """Where it learns: cpu, cuda, cuda:N, or auto, a GPU where there is one."""

    @property
    def identity(self) -> dict[str, Any]:
        """What must not change between a checkpoint and its resumption."""
        return {
            "robot_model": self.robot_model,
            "task": self.task.name,
            "observation": self.task.observation,
            "algorithm": self.algorithm.name,
            "settings": self.algorithm.settings,
            "seed": self.seed,
        }


class TrainerConfig(LearnerConfig, _Server):
    """Everything the trainer daemon knows."""

    listen: Listen = "127.0.0.1:50052"
    samples_per_insert_limit: float = Field(default=2_000.0, gt=0)
    """Model samples drawn per stored row; an on-demand refit above it is refused."""

    @model_validator(mode="after")
    def _check_addresses(self) -> "TrainerConfig":
        check_listens(self.listen, self.metrics_listen, self.tls)
        return self
