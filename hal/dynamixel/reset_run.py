"""One scripted reset in progress: its sequence, the objects it turns and the world it ends in."""

from collections.abc import Callable

import numpy as np

from hal.dynamixel.bodies import BodyTracking
from hal.dynamixel.session import ServoSession
from hal.errors import RobotWriteError
from hal.reset import bound_lead, ramp_towards
from hal.robot import ResetProgress
from hal.robots.registry import ROBOTS
from hal.types import ResetTarget, RobotSpec, RobotState, Vector

_SIGHT_PATIENCE_S = 3.0


class ResetRun:
    """Advances a reset by one control period per call.

    Args:
        spec: of the robot.
        target: where it shall end.
        period_s: control period; no goal moves by more than the speed limit allows in it.
        bodies: None for a robot without any.
    """

    def __init__(
        self, spec: RobotSpec, target: ResetTarget, period_s: float, bodies: BodyTracking | None
    ) -> None:
        self._target = ResetTarget(
            target.joint_position_rad.copy(),
            target.object_position_rad.copy(),
            target.body_pose.copy(),
        )
        self._sequence = ROBOTS[spec.model].reset(spec, self._target)
        self._step_max = spec.velocity_max_rad_s * period_s
        self._bodies = bodies
        self._still_since_ns: int | None = None
        self._is_level = False

    def is_for(self, target: ResetTarget) -> bool:
        """Whether this is the reset to `target`."""
        own = self._target
        return bool(
            np.array_equal(own.joint_position_rad, target.joint_position_rad)
            and np.array_equal(own.object_position_rad, target.object_position_rad)
            and np.array_equal(own.body_pose, target.body_pose)
        )

    def step(
        self, session: ServoSession, state: RobotState, now_ns: Callable[[], int]
    ) -> ResetProgress:
        """Take one step from `state`, measured just before.

        Raises:
            RobotWriteError: RESET_FAILED, or a goal was not taken.
            RobotReadError: SERVO_SILENT.
            PortError: the port is gone.
        """
        if session.is_degraded:
            return ResetProgress.RUNNING  # goals are frozen
        if self._still_since_ns is None:
            goal = self._sequence.step(state, now_ns())
            self._level_world()
            if goal is not None:
                self._turn_objects(session)
                self._send(session, state, goal)
                return ResetProgress.RUNNING
            self._still_since_ns = now_ns()
            session.objects.let_go()
            session.settle_objects(self._target.object_position_rad)
            if self._bodies is not None:
                self._bodies.restart()
        return self._place_world(now_ns())

    def _turn_objects(self, session: ServoSession) -> None:
        goal = self._sequence.object_goal_rad
        if goal is None:
            session.objects.let_go()
        else:
            session.objects.turn_to(goal)

    def _send(self, session: ServoSession, state: RobotState, goal: Vector) -> None:
        held = session.goals.held_rad
        start = state.joint_position_rad if held is None else held
        target = ramp_towards(start, goal, self._step_max)
        session.send(bound_lead(target, state.joint_position_rad))

    def _level_world(self) -> None:
        """Once: the robot stands straight now, and may start on bent legs."""
        if self._is_level or self._bodies is None:
            return
        if self._sequence.is_standing:
            self._bodies.level()
            self._is_level = True

    def _place_world(self, now_ns: int) -> ResetProgress:
        """At rest: what is seen now is where the episode starts."""
        if self._bodies is None or self._bodies.place(self._target.body_pose):
            return ResetProgress.DONE
        assert self._still_since_ns is not None  # set by step
        if now_ns - self._still_since_ns > _SIGHT_PATIENCE_S * 1e9:
            raise RobotWriteError(
                f"the tracker has not seen the robot for long enough in {_SIGHT_PATIENCE_S} s "
                "after the reset: is it in view?",
                reason="RESET_FAILED",
            )
        return ResetProgress.RUNNING
