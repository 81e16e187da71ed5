"""A robot and a task as an `Environment`: what the control loop does in lockstep, without it.

The same start, goal, targets, safety gate and rewards, so rows collected here are those that the
two daemons would have sent for the same seed.
"""

import numpy as np
from numpy.typing import NDArray

from hal.errors import CommandError
from hal.lifecycle import Lifecycle
from hal.limits import action_to_target, target_to_action
from hal.robot import ResetProgress, Robot
from hal.safety import SafetyGate
from hal.types import RobotState, Vector
from mbctl.episodes.environment import EpisodeCount, Start, Step, draw_start, take_step
from mbctl.tasks.task import Task


class RobotEnvironment:
    """Owns the robot from here on, and its torque.

    For robots whose time passes in `write`, as a simulated one's does: nothing here waits for a
    clock.

    Args:
        robot: not configured yet, or further on.
        task: for this robot model.

    Raises:
        ValueError: the task is for another robot model.
        HalError: the robot cannot be configured or activated.
    """

    def __init__(self, robot: Robot, task: Task) -> None:
        if robot.spec != task.robot:
            raise ValueError(
                f"task {task.name!r} is for robot {task.robot.model!r}, given is "
                f"{robot.spec.model!r}"
            )
        self._robot = robot
        self._task = task
        self._gate = SafetyGate(robot.spec, task.period_s)
        self._count = EpisodeCount(task)
        self._state: RobotState | None = None
        self._goal: Vector = np.empty(0)
        if robot.lifecycle is Lifecycle.UNCONFIGURED:
            robot.configure()
        if robot.lifecycle is Lifecycle.INACTIVE:
            robot.activate()

    @property
    def task(self) -> Task:
        return self._task

    def reset(self, rng: np.random.Generator) -> Start:
        """Draw a start, then a goal; lead the robot to the start.

        Raises:
            HalError: it cannot get there.
        """
        start, self._goal = draw_start(self._task, rng)
        self._gate.reset()
        while self._robot.reset(start) is ResetProgress.RUNNING:
            self._robot.read()
        self._state = self._robot.read()
        self._count.begin()
        return Start(self._task.physical_from_state(self._state), self._goal)

    def step(self, action: NDArray[np.floating]) -> Step:
        """See `Environment.step`.

        Raises:
            HalError: the gate refused the command, or the robot could not be commanded or read.
        """
        requested, taken = self._count.check(action)
        task, before = self._task, self._state
        assert before is not None  # there is one while an episode is running
        applied = self._send(before, requested)
        self._state = after = self._robot.read()
        physical, valid = task.physical_from_state(after), before.is_valid and after.is_valid
        return self._count.count(take_step(task, self._goal, taken, physical, applied, valid=valid))

    def close(self) -> None:
        """Torque off; release the robot."""
        self._robot.close()

    def _send(self, state: RobotState, requested: Vector) -> Vector:
        """The action [A] that was applied."""
        low, high = self._task.robot.command_min, self._task.robot.command_max
        target = self._task.robot.command(action_to_target(requested, low, high))
        verdict = self._gate.check(state, target, state.stamp_ns)
        if verdict.command is None:
            raise CommandError(verdict.message, reason=str(verdict) or "GATE_REFUSED")
        return target_to_action(self._robot.write(verdict.command).target, low, high)
