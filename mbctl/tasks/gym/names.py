"""The benchmark tasks by name."""

from mbctl.tasks.gym.bodies3d import Ant, Humanoid
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.gym.half_cheetah import HalfCheetah
from mbctl.tasks.gym.hopper import Hopper
from mbctl.tasks.gym.inverted_pendulum import InvertedPendulum
from mbctl.tasks.gym.mbbl import MbblAnt, MbblHalfCheetah, MbblHopper, MbblWalker2d
from mbctl.tasks.gym.pendulum import Pendulum
from mbctl.tasks.gym.reacher import Reacher
from mbctl.tasks.gym.repeated import RepeatedHopper
from mbctl.tasks.gym.swimmer import Swimmer
from mbctl.tasks.gym.walker2d import Walker2d

_TASKS: tuple[GymTask, ...] = (
    InvertedPendulum(),
    Pendulum(),
    Hopper(),
    HalfCheetah(),
    Walker2d(),
    Ant(),
    Humanoid(),
    Swimmer(),
    Reacher(),
    MbblHopper(),
    MbblHalfCheetah(),
    MbblAnt(),
    MbblWalker2d(),
    RepeatedHopper(),
)
GYM_TASKS: dict[str, GymTask] = {task.name: task for task in _TASKS}
