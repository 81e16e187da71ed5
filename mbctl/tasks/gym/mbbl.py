"""mbbl/Hopper, HalfCheetah, Ant, Walker2d: the variants that MAAC's table 1 is of.

From the benchmark of Wang et al. 2019, https://arxiv.org/abs/1907.02057:

    reward = v - 0.1 |a|^2 [- 3 (height - target)^2 + 1]      the bracket for all but HalfCheetah
    target: 1.3 m (Hopper, Walker2d), 0.57 m (Ant);  never ends; 1000 steps

v is the velocity along x of the state arrived in (MAAC's own code takes that of the state left in
the environment, and that of the state arrived in within the model). Bodies and observations are
those of Gymnasium's version 5, Ant's without contact forces. Returns are not comparable with those
of the gym/ tasks.
"""

from typing import ClassVar

from mbctl.tasks.gym.bodies3d import Ant
from mbctl.tasks.gym.gym_task import GymTask, Options
from mbctl.tasks.gym.runners import HalfCheetah, Hopper, Walker2d
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array, finite

ENDLESS: Options = {"terminate_when_unhealthy": False}  # Gymnasium would end the episodes


class MbblTask(GymTask):
    """Rewards as above, to stand before a body's own; without the columns from Gymnasium's info.

    Attributes:
        height_target_m: None where height is not rewarded.
    """

    info_columns = ()
    cost_weight = 0.1
    height_target_m: ClassVar[float | None]

    def reward(self, physical: Array, goal: Array) -> Array:
        velocity = physical[..., self.physical_names.index("x_rate")]
        if self.height_target_m is None:
            return velocity
        return velocity - 3.0 * (physical[..., 0] - self.height_target_m) ** 2 + 1.0

    def terminated(self, physical: Array) -> Array:
        return ~finite(physical)


@task("mbbl/Hopper")
class MbblHopper(MbblTask, Hopper):
    """Physical part [11]."""

    physical_names = Hopper.physical_names[:-1]
    options: ClassVar[Options] = ENDLESS
    height_target_m = 1.3


@task("mbbl/HalfCheetah")
class MbblHalfCheetah(MbblTask, HalfCheetah):
    """Physical part [17]."""

    physical_names = HalfCheetah.physical_names[:-1]
    height_target_m = None


@task("mbbl/Ant")
class MbblAnt(MbblTask, Ant):
    """Physical part [27]."""

    physical_names = Ant.physical_names[:-2]
    options: ClassVar[Options] = {**Ant.options, **ENDLESS}
    height_target_m = 0.57


@task("mbbl/Walker2d")
class MbblWalker2d(MbblTask, Walker2d):
    """Physical part [17]."""

    physical_names = Walker2d.physical_names[:-1]
    options: ClassVar[Options] = ENDLESS
    height_target_m = 1.3
