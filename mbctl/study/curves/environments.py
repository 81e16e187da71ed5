"""The simulated worlds that a run trains and is evaluated in."""

from hal.clock import ManualClock
from mbctl.config import ConfigError
from mbctl.episodes.environment import Environment
from mbctl.episodes.robot_environment import RobotEnvironment
from mbctl.study.shift import Shift, world_task
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.task import Task
from sim.environments import make_environment
from sim.perturbation import Perturbation, perturbed
from sim.robot import MujocoRobot
from sim.scene import build_scene


def environments(
    task: Task, shift: Shift | None = None, *, shifted: bool = False
) -> tuple[Environment, Environment]:
    """One to train in and one to evaluate in, so that neither disturbs the other's episode.

    Args:
        shift: what changes in the middle of a run.
        shifted: whether it has.

    Raises:
        ConfigError: the task's world cannot be changed like this.
        HalError: the world cannot be set up.
    """
    if isinstance(task, GymTask):
        if shift is not None:
            raise ConfigError(f"task {task.name!r} has a fixed world; expected a robot's task")
        return make_environment(task), make_environment(task)
    scene = build_scene(task.robot)
    if shift is not None and shifted and shift.kind == "dynamics":
        changes = Perturbation(shift.link_length, shift.object_damping, shift.actuator_strength)
        scene = perturbed(scene, changes)
    posed = world_task(task, shift, shifted=shifted)
    first, second = (
        RobotEnvironment(MujocoRobot(task.robot.model, task.period_s, ManualClock(), scene), posed)
        for _ in range(2)
    )
    return first, second
