"""Which environment a task runs in inside one process: a simulated robot, or Gymnasium's body."""

from hal.clock import ManualClock
from mbctl.episodes.environment import Environment
from mbctl.episodes.robot_environment import RobotEnvironment
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.task import Task
from sim.gym_environment import GymEnvironment
from sim.robot import MujocoRobot


def make_environment(task: Task) -> Environment:
    """An environment of its own for `task`; the caller closes it.

    Raises:
        GymnasiumMissingError: a benchmark task, and Gymnasium is not installed.
        HalError: the simulated robot cannot be set up.
    """
    if isinstance(task, GymTask):
        return GymEnvironment(task)
    return RobotEnvironment(MujocoRobot(task.robot.model, task.period_s, ManualClock()), task)
