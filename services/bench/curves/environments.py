"""The simulated worlds that a run trains and is evaluated in."""

from hal.clock import ManualClock
from mbctl.tasks.environment import Environment
from mbctl.tasks.robot_environment import RobotEnvironment
from mbctl.tasks.task import Task
from sim.robot import MujocoRobot
from sim.scene import build_scene


def environments(task: Task) -> tuple[Environment, Environment]:
    """One to train in and one to evaluate in, so that neither disturbs the other's episode."""
    scene = build_scene(task.robot)
    first, second = (
        RobotEnvironment(MujocoRobot(task.robot.model, task.period_s, ManualClock(), scene), task)
        for _ in range(2)
    )
    return first, second
