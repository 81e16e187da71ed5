"""What can be configured: frozen trees in which an unknown key is an error.

`model_dump_json` and `model_validate_json` are exact inverses: that is how a configuration goes to
a child process and into a run directory.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, FilePath, StringConstraints, model_validator

from hal.backends import BACKENDS
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.units import DEFAULT_BAUD_RATE
from hal.robots.registry import robot_spec
from hal.safety import GateLimits
from mbctl.config.address import Address, needs_tls
from mbctl.config.bus import BackendName, RobotModel, TrackerConfig
from mbctl.config.frozen import Frozen

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Listen = Annotated[str, Address()]
OptionalListen = Annotated[str, Address(optional=True)]
MetricsListen = Annotated[str, Address(optional=True, unix=False)]


class RobotConfig(Frozen):
    """Which robot this controller owns."""

    name: Name = "dclaw0"
    """Names this one robot; unique at its trainer."""
    model: RobotModel = "dclaw"
    """Robot model."""
    backend: BackendName = "mujoco"
    """What moves: mujoco is the simulated twin, dynamixel the servos on `port`, virtual-bus the
    simulated servos behind the `port` of `mbctl virtual-bus`."""
    port: str = Field(default="", max_length=4096)
    """Serial port; a name that stays when it is plugged in again, such as /dev/serial/by-id/..."""
    baud_rate: Literal[9_600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000] = (
        DEFAULT_BAUD_RATE
    )
    """As the servos are set."""
    calibration: Path | None = None
    """File that `mbctl calibrate` wrote; without one, the robot is taken as built by ROBEL."""
    bus: BusSettings = BusSettings()
    actuator: Literal["servo", "robel"] = "servo"
    """Of the virtual bus that `mbctl up` starts: servo: joints are as stiff as P gain and motor of
    the servos make them; robel: MuJoCo's soft actuator, to compare with the backend mujoco."""
    tracker: TrackerConfig | None = None
    """Only for a robot with tracked bodies, on a bus; the simulated twin needs none."""

    @property
    def is_on_bus(self) -> bool:
        """Whether it consists of servos on a serial port, real or not."""
        return BACKENDS[self.backend].is_on_bus

    @model_validator(mode="after")
    def _consistent(self) -> "RobotConfig":
        if self.actuator != "servo" and self.backend != "virtual-bus":
            raise ValueError(
                f"actuator {self.actuator!r} is of backend 'virtual-bus', not of {self.backend!r}"
            )
        if self.is_on_bus and not self.port:
            raise ValueError(
                f"backend {self.backend!r} needs robot.port, the serial port of the servos, "
                "such as /dev/serial/by-id/..."
            )
        if self.is_on_bus and self.tracker is None and (bodies := robot_spec(self.model).bodies):
            raise ValueError(
                f"model {self.model!r} on backend {self.backend!r} needs robot.tracker: its "
                f"joints do not tell where its {bodies[0]} is"
            )
        return self


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


class TlsConfig(Frozen):
    """Certificate files of one end of a connection, PEM; each must exist."""

    certificate: FilePath
    key: FilePath
    client_ca: FilePath | None = None
    """Authority of the other end: a server with it demands a certificate from its clients, and a
    client trusts servers that it signed. Without it a client trusts its own certificate only."""


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
            raise ValueError(
                f"clock 'lockstep' needs backend 'mujoco', not {self.robot.backend!r}: servos on a "
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

    @model_validator(mode="after")
    def _check_addresses(self) -> "ControllerConfig":
        _check_listens(self.listen, self.metrics_listen, self.tls)
        return self


class LearnerConfig(_RunDir):
    """What the learner process is told when it starts."""

    robot_model: RobotModel = "dclaw"
    task: TaskConfig
    algorithm: AlgorithmConfig = AlgorithmConfig()
    seed: Seed = 0
    """Of weights, and of everything random in learning."""

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
        _check_listens(self.listen, self.metrics_listen, self.tls)
        return self


def _check_listens(listen: str, metrics: str, tls: TlsConfig | None) -> None:
    _check_tls("listen", listen, tls)
    if not metrics:
        return
    _check_tls("metrics_listen", metrics, tls)
    if metrics == listen and not listen.endswith(":0"):
        raise ValueError(f"metrics_listen = {metrics!r} is also listen: it needs a port of its own")


def _check_tls(key: str, listen: str, tls: TlsConfig | None) -> None:
    if tls is None and needs_tls(listen):
        raise ValueError(
            f"{key} = {listen!r} is not a loopback address: set tls.certificate and "
            "tls.key, or listen on 127.0.0.1 or unix:PATH"
        )
