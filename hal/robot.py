"""The contract of a robot, with everything that must hold for each of them written once.

The public methods check the lifecycle and the command, then call the implementation's underscored
method: so no implementation can write while INACTIVE, or be given a target that is not finite.
"""

from abc import ABC, abstractmethod
from enum import Enum
from types import TracebackType
from typing import Self

from hal.commands import check_command, check_reset_target
from hal.errors import HalError, LifecycleError
from hal.health import NO_HEALTH, RobotHealth
from hal.lifecycle import Lifecycle
from hal.types import JointCommand, ResetTarget, RobotSpec, RobotState, Vector


class ResetProgress(Enum):
    """What one call of `Robot.reset` achieved."""

    RUNNING = "running"
    DONE = "done"


class Robot(ABC):
    """One robot with one owner, who calls it from one thread; every call blocks until done.

    Args:
        spec: joints, objects and limits of the robot.
        backend: what carries the commands out, such as "mujoco"; part of each row's provenance.
        calibration_version: names the joint calibration in use; part of each row's provenance.
    """

    def __init__(self, spec: RobotSpec, backend: str, calibration_version: str) -> None:
        self._spec = spec
        self._backend = backend
        self._calibration_version = calibration_version
        self._lifecycle = Lifecycle.UNCONFIGURED

    @property
    def spec(self) -> RobotSpec:
        return self._spec

    @property
    def backend(self) -> str:
        return self._backend

    @property
    def calibration_version(self) -> str:
        return self._calibration_version

    @property
    def lifecycle(self) -> Lifecycle:
        return self._lifecycle

    def configure(self) -> None:
        """UNCONFIGURED -> INACTIVE: find the robot and check it; torque stays off."""
        self._require("configure", Lifecycle.UNCONFIGURED)
        self._configure()
        self._lifecycle = Lifecycle.INACTIVE

    def read(self) -> RobotState:
        """Measure all joints and objects once.

        Raises:
            LifecycleError: before `configure`.
            RobotReadError: no joint at all could be read.
        """
        self._require("read", Lifecycle.INACTIVE, Lifecycle.ACTIVE)
        return self._read()

    def activate(self) -> None:
        """INACTIVE -> ACTIVE: goal := present position, then torque on, so nothing moves.

        Joints that efforts drive get none until the first command.

        When it fails half way, torque is taken off again before the error is passed on.
        """
        self._require("activate", Lifecycle.INACTIVE)
        try:
            self._activate()
        except BaseException:
            self._deactivate()
            raise
        self._lifecycle = Lifecycle.ACTIVE

    def write(self, command: JointCommand) -> JointCommand:
        """Send targets for one control period; return what was really sent.

        Raises:
            LifecycleError: not ACTIVE.
            CommandError: wrong shape or kind, not finite, or outside the actuators' range.
            RobotWriteError: it could not be delivered.
        """
        self._require("write", Lifecycle.ACTIVE)
        check_command(self._spec, command)
        return JointCommand(self._write(command.target), command.kinds)

    @property
    def tend_period_s(self) -> float | None:
        """How often `tend` wants to be called between control steps; None for never."""
        return None

    def tend(self) -> None:
        """Between two control steps: feed the robot's own watchdog and look for faults.

        Raises:
            LifecycleError: before `configure`.
            RobotReadError: the robot must be stopped.
        """
        self._require("tend", Lifecycle.INACTIVE, Lifecycle.ACTIVE)
        self._tend()

    def health(self) -> RobotHealth:
        """What an operator wants to know beside the state; touches nothing."""
        return NO_HEALTH

    def explanation(self) -> HalError | None:
        """What a silence that stopped the robot turned out to be; None while it is unknown."""
        return None

    def deactivate(self) -> tuple[str, ...]:
        """Any -> INACTIVE: torque off; return the joints whose torque-off is unconfirmed.

        Safe to repeat: each call sends torque-off anew.

        Raises:
            LifecycleError: before `configure`.
        """
        self._require("deactivate", Lifecycle.INACTIVE, Lifecycle.ACTIVE)
        self._lifecycle = Lifecycle.INACTIVE
        return self._deactivate()

    def reset(self, target: ResetTarget) -> ResetProgress:
        """Take one control period's step towards `target`; call again until it returns DONE.

        Raises:
            LifecycleError: not ACTIVE.
            CommandError: target of the wrong shape or not finite.
            RobotWriteError: the target cannot be reached.
        """
        self._require("reset", Lifecycle.ACTIVE)
        check_reset_target(self._spec, target)
        return self._reset(target)

    def close(self) -> None:
        """Any -> UNCONFIGURED: torque off where it may be on, release the robot. Repeatable."""
        if self._lifecycle is Lifecycle.UNCONFIGURED:
            return
        try:
            if self._lifecycle is Lifecycle.ACTIVE:
                self._deactivate()
        finally:
            self._lifecycle = Lifecycle.UNCONFIGURED
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _require(self, call: str, *allowed: Lifecycle) -> None:
        if self._lifecycle not in allowed:
            names = " or ".join(state.name for state in allowed)
            raise LifecycleError(f"{call} needs {names}, the robot is {self._lifecycle.name}")

    def _tend(self) -> None:  # noqa: B027 - most robots need none
        """Nothing, for a robot that needs no tending."""

    @abstractmethod
    def _configure(self) -> None: ...

    @abstractmethod
    def _read(self) -> RobotState: ...

    @abstractmethod
    def _activate(self) -> None: ...

    @abstractmethod
    def _write(self, target: Vector) -> Vector: ...

    @abstractmethod
    def _deactivate(self) -> tuple[str, ...]: ...

    @abstractmethod
    def _reset(self, target: ResetTarget) -> ResetProgress: ...

    @abstractmethod
    def _close(self) -> None: ...
