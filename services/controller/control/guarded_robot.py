"""The robot as the loop may use it: every command goes through the safety gate, and is recorded."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from hal.clock import Clock
from hal.errors import CommandError, HalError
from hal.faults import Cycle, FlightRecorder
from hal.health import RobotHealth
from hal.lifecycle import Lifecycle
from hal.robot import ResetProgress, Robot
from hal.safety import SafetyGate
from hal.types import ResetTarget, RobotSpec, RobotState, Vector
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.stall_watch import StallWatch


@runtime_checkable
class Rebootable(Protocol):
    """A robot of servos that can be restarted one by one."""

    def reboot_servo(self, name: str) -> None:
        """Restart the servo of this joint or object and set it up again; torque stays off.

        Raises:
            HalError: there is no such servo, it does not come back, or its error persists.
        """
        ...


class Sent(NamedTuple):
    """What one command came to.

    Attributes:
        target: [J] really sent.
        clipped: the gate altered what was asked for.
        stamp_ns: when it had been sent, on the robot's clock.
    """

    target: Vector
    clipped: bool
    stamp_ns: int


class GuardedRobot:
    """Robot, gate and flight recorder as one; errors of the robot become control faults.

    Args:
        stall: looks at the time between two contacts with the robot.
        wait_cycles_max: so long `is_ready` waits for a joint that cannot be read.
    """

    def __init__(
        self,
        robot: Robot,
        gate: SafetyGate,
        clock: Clock,
        stall: StallWatch | None = None,
        wait_cycles_max: int = 0,
    ) -> None:
        self._robot = robot
        self._gate = gate
        self._clock = clock
        self._stall = stall or StallWatch(None)
        self._wait_cycles_max = wait_cycles_max
        self._recorder = FlightRecorder()
        self._unrecorded: RobotState | None = None
        self._last_sent: Vector | None = None
        self._waiting_since: int | None = None  # cycle
        self.cycle = 0
        self.has_commanded = False  # in this cycle
        self.sent: Sent | None = None  # likewise, but for a reset

    @property
    def spec(self) -> RobotSpec:
        """Joints and limits."""
        return self._robot.spec

    def read(self) -> RobotState:
        """Measure; this begins a cycle.

        Raises:
            ControlFaultError: the measurement failed.
        """
        self._record(None, "")
        self.cycle += 1
        self.has_commanded = False
        self.sent = None
        self._stall.check()
        try:
            state = self._robot.read()
        except HalError as error:
            self._stall.check()  # standing still in there has that cause, and this one name
            raise ControlFaultError(error.reason, str(error), controlled=False) from error
        self._stall.check()  # what was read before this process stood still is old
        self._touched()
        self._unrecorded = state
        return state

    def tend(self) -> None:
        """Between two cycles: see `Robot.tend`.

        Raises:
            ControlFaultError: the robot must be stopped.
        """
        self._stall.check()
        try:
            self._robot.tend()
        except HalError as error:
            self._stall.check()
            raise ControlFaultError(error.reason, str(error), controlled=False) from error
        self._stall.check()
        self._touched()

    @property
    def tend_period_s(self) -> float | None:
        """See `Robot.tend_period_s`."""
        return self._robot.tend_period_s

    def health(self) -> RobotHealth:
        """See `Robot.health`."""
        return self._robot.health()

    def explanation(self) -> HalError | None:
        """See `Robot.explanation`."""
        return self._robot.explanation()

    def reboot_servo(self, joint: str) -> None:
        """Restart the servo of a joint.

        Raises:
            HalError: it failed; NO_SERVOS for a robot without any.
        """
        if not isinstance(self._robot, Rebootable):
            raise HalError(
                f"the robot on backend {self._robot.backend!r} has no servos to reboot",
                reason="NO_SERVOS",
            )
        self._robot.reboot_servo(joint)

    def is_ready(self, state: RobotState) -> bool:
        """Whether to command now rather than wait for a joint that could not be read.

        Before the first command, nothing is there to hold such a joint with, but it holds itself.
        One missing answer is no reason to stop; the gate judges those that go on missing.
        """
        if self._last_sent is not None or state.valid.all():
            self._waiting_since = None
            return True
        if self._waiting_since is None:
            self._waiting_since = self.cycle
        return self.cycle - self._waiting_since >= self._wait_cycles_max

    def send(self, state: RobotState, target: Vector) -> Sent:
        """Send a target through the gate.

        Raises:
            ControlFaultError: the gate refused it, or it could not be delivered.
        """
        verdict = self._gate.check(state, self.spec.command(target), self._clock.now_ns())
        if verdict.command is None:
            self._record(None, str(verdict))
            reason = "GATE_REFUSED" if verdict.fault is None else verdict.fault.value
            raise ControlFaultError(reason, verdict.message)
        try:
            sent = self._robot.write(verdict.command).target
        except HalError as error:
            self._record(None, error.reason)
            raise ControlFaultError(error.reason, str(error), controlled=False) from error
        self._record(sent, str(verdict))
        self._last_sent = sent
        self.has_commanded = True
        self.sent = Sent(sent, verdict.clipped, self._clock.now_ns())
        return self.sent

    def reset(self, target: ResetTarget) -> bool:
        """One period's step of a reset; True when the robot is there.

        Raises:
            ControlFaultError: it cannot get there.
        """
        self._gate.reset()
        self._last_sent = None  # the reset has moved the robot: nothing older may be held
        self.has_commanded = True
        try:
            return self._robot.reset(target) is ResetProgress.DONE
        except HalError as error:
            raise ControlFaultError(error.reason, str(error), controlled=False) from error

    def hold_target(self, state: RobotState) -> Vector:
        """[J] the last command or, before any, the measured position within the range.

        Joints that efforts drive get none: the last effort would accelerate them.
        """
        if self._last_sent is None:
            return self.spec.resting_target(state.joint_position_rad)
        return np.where(self.spec.is_position, self._last_sent, 0.0)

    def far_outside(self, state: RobotState) -> tuple[str, ...]:
        """Joints that `hold_target` would move by more than a period's worth of speed.

        A reset leads joints beyond their range, and people bend those of a limp robot. Leading
        them back is a movement: it takes a reset, not a hold.
        """
        away = np.abs(self.hold_target(state) - state.joint_position_rad)
        is_far = (away > self._gate.step_max_rad) & (self._last_sent is None)
        is_far &= self.spec.is_position
        return tuple(n for n, far in zip(self.spec.joint_names, is_far, strict=True) if far)

    def joint_index(self, name: str) -> int:
        """Index of the joint called `name`.

        Raises:
            CommandError: UNKNOWN_JOINT; lists those there are.
        """
        names = self.spec.joint_names
        if name not in names:
            raise CommandError(
                f"unknown joint {name!r}; the robot's joints are {', '.join(names)}",
                reason="UNKNOWN_JOINT",
            )
        return names.index(name)

    def check_within(self, joint: int, position_rad: float) -> None:
        """Make sure that this joint may be there.

        Raises:
            CommandError: JOINT_OUT_OF_RANGE, JOINT_WITHOUT_POSITION.
        """
        limits = self.spec.joints[joint]
        if not self.spec.is_position[joint]:
            raise CommandError(
                f"joint {limits.name!r} is driven by {limits.kind}: no position can be asked of it",
                reason="JOINT_WITHOUT_POSITION",
            )
        low, high = limits.position_min_rad, limits.position_max_rad
        if not low <= position_rad <= high:
            raise CommandError(
                f"joint {limits.name!r} would go to {position_rad:.4g} rad, its range is "
                f"{low:.4g} to {high:.4g} rad",
                reason="JOINT_OUT_OF_RANGE",
            )

    def activate(self) -> None:
        """Torque on at the present position.

        Raises:
            HalError: it failed, and torque is off.
        """
        self._robot.activate()
        self._touched()
        self._gate.reset()
        self._last_sent = None

    def torque_off(self) -> tuple[str, ...]:
        """Torque off now; return the joints for which that is not confirmed."""
        self._stall.forget()
        try:
            return self._robot.deactivate()
        except HalError:
            # Nobody could be reached: none is confirmed, which the caller reports as a fault.
            return self.spec.joint_names

    def cycles(self) -> tuple[Cycle, ...]:
        """The last cycles, oldest first."""
        return self._recorder.cycles()

    def _touched(self) -> None:
        if self._robot.lifecycle is Lifecycle.ACTIVE:
            self._stall.touched()

    def _record(self, command: Vector | None, verdict: str) -> None:
        state = self._unrecorded
        if state is None:
            return
        self._unrecorded = None
        self._recorder.record(
            self.cycle,
            state.stamp_ns,
            state.joint_position_rad,
            state.joint_velocity_rad_s,
            command,
            verdict,
        )
