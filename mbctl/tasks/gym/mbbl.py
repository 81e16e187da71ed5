"""mbbl/Hopper, HalfCheetah, Ant, Walker2d: the variants that MAAC's table 1 is of.

From the benchmark of Wang et al. 2019, https://arxiv.org/abs/1907.02057:

    reward = v - 0.1 |a|^2 [- 3 (height - target)^2 + 1]      the bracket for all but HalfCheetah
    target: 1.3 m (Hopper, Walker2d), 0.57 m (Ant);  never ends; 1000 steps

v is the velocity along x of the state arrived in (MAAC's own code takes that of the state left in
the environment, and that of the state arrived in within the model). Bodies and observations are
those of Gymnasium's version 5, Ant's without contact forces. Returns are not comparable with those
of the gym/ tasks.
"""

from dataclasses import replace
from typing import Any, ClassVar

from mbctl.tasks.gym.benchmark import Benchmark
from mbctl.tasks.gym.bodies3d import Ant
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.gym.half_cheetah import HalfCheetah
from mbctl.tasks.gym.hopper import Hopper
from mbctl.tasks.gym.walker2d import Walker2d

Array = Any


class MbblTask(GymTask):
    """Observed as Gymnasium does, rewarded as above.

    Attributes:
        height_target_m: None where height is not rewarded.
    """

    height_target_m: ClassVar[float | None]

    def reward(self, physical: Array, goal: Array) -> Array:
        velocity = physical[..., self.physical_names.index("x_rate")]
        if self.height_target_m is None:
            return velocity
        return velocity - 3.0 * (physical[..., 0] - self.height_target_m) ** 2 + 1.0


def _variant(original: Benchmark, name: str, *, ends: bool) -> Benchmark:
    """`original` without the columns from Gymnasium's info.

    Args:
        ends: Gymnasium would end its episodes, and has to be told not to.
    """
    columns = original.physical_names[: len(original.physical_names) - len(original.info_columns)]
    endless = {"terminate_when_unhealthy": False} if ends else {}
    return replace(
        original,
        name=f"mbbl/{name}",
        physical_names=columns,
        info_columns=(),
        cost_weight=0.1,
        options={**original.options, **endless},
    )


class MbblHopper(MbblTask):
    """Physical part [11]."""

    facts = _variant(Hopper.facts, "Hopper", ends=True)
    height_target_m = 1.3


class MbblHalfCheetah(MbblTask):
    """Physical part [17]."""

    facts = _variant(HalfCheetah.facts, "HalfCheetah", ends=False)
    height_target_m = None


class MbblAnt(MbblTask):
    """Physical part [27]."""

    facts = _variant(Ant.facts, "Ant", ends=True)
    height_target_m = 0.57


class MbblWalker2d(MbblTask):
    """Physical part [17]."""

    facts = _variant(Walker2d.facts, "Walker2d", ends=True)
    height_target_m = 1.3
