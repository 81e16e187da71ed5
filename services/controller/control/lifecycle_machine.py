"""The lifecycle: what may happen in each state, latched faults, and every way to stop."""

import time
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from hal.clock import Clock
from hal.errors import HalError
from hal.faults import Fault
from hal.lifecycle import Lifecycle, check_transition
from hal.types import RobotState, Vector
from mbctl.config.models import StopConfig
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.service_link import ServiceLink
from services.controller.control.settings import LatchedFault
from services.ipc.words import joint_bits

_LATCHED = (Lifecycle.FAULT, Lifecycle.E_STOPPED)
_SILENCES = ("SERVO_SILENT", "STATE_INVALID")


class StopSequence:
    """One stop, begun at `start_ns` on the robot's clock.

    Args:
        cause: why, for those who are told.
        held: [J] targets to hold.
        is_position: [J] which of these are positions.
    """

    def __init__(
        self,
        cause: str,
        held: Vector,
        start_ns: int,
        settings: StopConfig,
        is_position: NDArray[np.bool_],
    ) -> None:
        self.cause = cause
        self._held = held
        self._is_position = is_position
        self._ramp_start_ns = start_ns + round(settings.hold_s * 1e9)
        self._ramp_ns = round(settings.ramp_s * 1e9)

    def target(self, state: RobotState, now_ns: int) -> Vector | None:
        """[J] targets for now; None when it is time for torque off."""
        fraction = (now_ns - self._ramp_start_ns) / self._ramp_ns
        if fraction >= 1.0:
            return None
        if fraction <= 0.0:
            return self._held
        lead = self._held - state.joint_position_rad
        ramped = state.joint_position_rad + (1.0 - fraction) * lead
        return np.where(self._is_position, ramped, self._held)


class LifecycleMachine:
    """Lifecycle of a configured robot, beginning INACTIVE; each change is told as an event."""

    def __init__(
        self, robot: GuardedRobot, clock: Clock, settings: StopConfig, link: ServiceLink
    ) -> None:
        self._robot = robot
        self._clock = clock
        self._settings = settings
        self._link = link
        self._stop: StopSequence | None = None
        self.lifecycle = Lifecycle.INACTIVE
        self.fault: Fault | None = None
        self.has_torque = False

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing holds torque, and nothing is latched."""
        return self.lifecycle is Lifecycle.INACTIVE and not self.has_torque

    @property
    def is_stopping(self) -> bool:
        """Whether a controlled stop is under way."""
        return self._stop is not None

    def activate(self) -> None:
        """INACTIVE -> ACTIVE, holding where it is.

        Raises:
            HalError: the robot refused; it stays INACTIVE.
        """
        check_transition(self.lifecycle, Lifecycle.ACTIVE)
        self._robot.activate()
        self.has_torque = True
        self._move_to(Lifecycle.ACTIVE)

    def hold(self, state: RobotState) -> None:
        """Send the command to stay, as soon as it is known where that is.

        Far outside its range the robot stays without one, on the goals that are in force.

        Raises:
            ControlFaultError: the gate refused it, or it could not be delivered.
        """
        if self._robot.is_ready(state) and not self._robot.far_outside(state):
            self._robot.send(state, self._robot.hold_target(state))

    def begin_stop(self, cause: str, state: RobotState, *, is_hurried: bool = False) -> None:
        """ACTIVE -> HOLD: the first step of a controlled stop follows at once.

        From far outside its range, as in the midst of a reset, it cannot be held: torque off.
        """
        if self._stop is None and self.has_torque:
            held = self._robot.hold_target(state)
            settings = self._settings.hurried() if is_hurried else self._settings
            self._stop = StopSequence(
                cause, held, self._clock.now_ns(), settings, self._robot.spec.is_position
            )
            if self._robot.far_outside(state):
                self.torque_off()
                return
            if self.lifecycle is Lifecycle.ACTIVE:
                self._move_to(Lifecycle.HOLD)

    def continue_stop(self, state: RobotState) -> None:
        """One cycle of a controlled stop.

        Raises:
            ControlFaultError: it cannot be controlled any more.
        """
        if self._stop is None:
            return
        target = self._stop.target(state, self._clock.now_ns())
        if target is None:
            self.torque_off()
        else:
            self._robot.send(state, target)

    def torque_off(self) -> tuple[str, ...]:
        """Torque off now, from any state; HOLD or ACTIVE -> INACTIVE.

        Returns:
            Joints for which it is not confirmed; that is a fault of its own if they had been given
            torque.
        """
        cause = "TORQUE_OFF" if self._stop is None else self._stop.cause
        self._stop = None
        had_torque, self.has_torque = self.has_torque, False
        failed = self._robot.torque_off()
        if had_torque:
            self._link.emit(
                {"type": "torque_off", "cause": cause, "torque_off_failed": list(failed)}
            )
        if failed and had_torque and self.lifecycle not in _LATCHED:
            self._latch_fault(
                "TORQUE_OFF_UNCONFIRMED", f"torque may still be on in {', '.join(failed)}"
            )
        elif self.lifecycle in (Lifecycle.HOLD, Lifecycle.ACTIVE):
            self._move_to(Lifecycle.INACTIVE)
        return failed

    def latch(self, error: ControlFaultError, state: RobotState | None) -> None:
        """Any -> FAULT: stop in a controlled way where that is still possible."""
        if self.lifecycle not in _LATCHED:
            self._latch_fault(error.reason, error.message)
        if not self.has_torque:
            return
        if self.is_stopping or state is None or not error.controlled:
            self.torque_off()
            return
        self.begin_stop(error.reason, state)
        try:
            self.continue_stop(state)
        except ControlFaultError:
            self.torque_off()  # the same fault again: the gate lets nothing pass

    def explain(self, found: HalError | None) -> None:
        """Tell a latched silence as what it turned out to be; nothing else about it changes."""
        if found is None or self.fault is None or self.fault.reason not in _SILENCES:
            return
        message = f"{found}; at first told as {self.fault.reason}: {self.fault.message}"
        self.fault = replace(self.fault, reason=found.reason, message=message)
        self._link.emit({"type": "fault", **asdict(self.fault)})

    def emergency_stop(self, request: int) -> None:
        """Any -> E_STOPPED: torque off before all else."""
        self._stop = None
        self.has_torque = False
        failed = self._robot.torque_off()
        if self.lifecycle is not Lifecycle.E_STOPPED:
            self._move_to(Lifecycle.E_STOPPED)
        self._link.emit({"type": "estop", "request": request, "torque_off_failed": list(failed)})
        self._link.confirm_estop(request, joint_bits(self._robot.spec.joint_names, failed))

    def release_emergency_stop(self) -> None:
        """E_STOPPED -> INACTIVE, or back to the FAULT that was latched before."""
        self._move_to(Lifecycle.INACTIVE)
        if self.fault is not None:
            self._move_to(Lifecycle.FAULT)

    def clear_fault(self) -> None:
        """FAULT -> INACTIVE, after the stop is over."""
        check_transition(self.lifecycle, Lifecycle.INACTIVE)
        self.fault = None
        self._move_to(Lifecycle.INACTIVE)

    def inherit(self, fault: LatchedFault) -> None:
        """INACTIVE -> FAULT, with the fault that an earlier process latched."""
        self.fault = Fault(fault.reason, fault.message, fault.stamp_ns, fault.wall_time_ns, ())
        self._move_to(Lifecycle.FAULT)

    def reboot_servo(self, joint: str) -> None:
        """Restart one servo; torque is off and stays off.

        Raises:
            HalError: no such joint, or it failed.
        """
        self._robot.reboot_servo(joint)

    def _latch_fault(self, reason: str, message: str) -> None:
        self.fault = Fault(
            reason, message, self._clock.now_ns(), time.time_ns(), self._robot.cycles()
        )
        self._link.emit({"type": "fault", **asdict(self.fault)})
        if self.lifecycle is not Lifecycle.FAULT:
            self._move_to(Lifecycle.FAULT)

    def _move_to(self, target: Lifecycle) -> None:
        check_transition(self.lifecycle, target)
        self.lifecycle = target
        self._link.emit({"type": "lifecycle", "value": int(target)})
