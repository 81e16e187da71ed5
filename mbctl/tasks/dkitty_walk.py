"""D'Kitty Walk: walk to a goal one or two metres ahead, looking at it.

Definition: ROBEL's DKittyWalk{Fixed,Random} (Ahn et al. 2019). With u the uprightness, r the
distance to the goal and h the cosine of the angle between where the robot looks and where the goal
lies, the reward is (u - 0.9) / 0.1 - 500 [u < 0.9] - 4 r + 2 (h - 0.9) / 0.1 + 5 [r < 0.5]
+ 5 [h > 0.9] + 10 [r < 0.5 and h > 0.9].
"""

import math

import numpy as np

from hal.arrays import array_namespace
from hal.robots.dkitty import DKITTY
from hal.types import ResetTarget
from mbctl.tasks.dkitty import DKittyGoalTask, Falling
from mbctl.tasks.dkitty_physical import bearing, upright
from mbctl.tasks.geometry import length
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array, flag

NEAR_M = 0.5
AHEAD_COS = 0.9
FIXED_M = 2.0
RANDOM_M = (1.0, 2.0)
SPREAD_RAD = math.pi / 3


@task("dkitty-walk", variants=("fixed", "random"))
class DKittyWalk(DKittyGoalTask):
    """How far away the goal is and in which direction are drawn.

    Nothing is in the reward but the task and staying upright.
    """

    episode_steps = 160
    falling = Falling(threshold=0.9, reward=1.0, cost=500.0)
    benchmark_names = ("heading", "target_error_x_m", "target_error_y_m")

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        return ResetTarget(np.array(DKITTY.home_position_rad), np.zeros(0), np.zeros((1, 6)))

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        distance, angle = FIXED_M, 0.0
        if self.random:
            distance = rng.uniform(*RANDOM_M)
            angle = rng.uniform(-SPREAD_RAD, SPREAD_RAD)
        return distance * np.array([-math.sin(angle), math.cos(angle)])

    def reward(self, physical: Array, goal: Array) -> Array:
        distance, ahead = self._distance(physical, goal), self._heading(physical, goal)
        small = self.small_bonus(distance < NEAR_M, ahead > AHEAD_COS, distance)
        big = 10.0 * flag(self.success(physical, goal), distance)
        looking = 2.0 * (ahead - AHEAD_COS) / (1.0 - AHEAD_COS)
        return self.falling.value(upright(physical)) - 4.0 * distance + looking + small + big

    def success(self, physical: Array, goal: Array) -> Array:
        near = self._distance(physical, goal) < NEAR_M
        return near & (self._heading(physical, goal) > AHEAD_COS)

    def benchmark_columns(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        ahead = self._heading(physical, goal)[..., None]
        return xp.concat([ahead, goal - physical[..., :2]], axis=-1)

    def benchmark_goal(self, observation: Array) -> Array:
        return self.physical(observation)[..., :2] + observation[..., -2:]

    def _distance(self, physical: Array, goal: Array) -> Array:
        return length(goal - physical[..., :2])

    def _heading(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        return xp.cos(bearing(physical, goal))
