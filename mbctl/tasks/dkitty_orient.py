"""D'Kitty Orient: turn on the spot until the robot looks at a goal behind it.

Definition: ROBEL's DKittyOrient{Fixed,Random} (Ahn et al. 2019). With u the uprightness, b the
angle between where it looks and where the goal lies and D the distance from the centre, the reward
is 2 (u - 0.9) / 0.1 - 500 [u < 0.9] - 4 b - 4 D + 5 [b < 0.26] + 5 [u > 0.96]
+ 10 [b < 0.087 and u > 0.96].
"""

import math

import numpy as np

from hal.arrays import array_namespace
from hal.robots.dkitty import DKITTY
from hal.types import ResetTarget
from mbctl.tasks.dkitty import DKittyGoalTask, Falling
from mbctl.tasks.dkitty_physical import HEADING, PITCH, bearing, upright
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array, flag

GOAL_DISTANCE_M = 1.0
NEAR_RAD = 0.26
SUCCESS_RAD = 0.087
SUCCESS_UPRIGHT = 0.96
SPREAD_RAD = math.pi / 3  # of the start about 0 and of the goal about half a turn


@task("dkitty-orient", variants=("fixed", "random"))
class DKittyOrient(DKittyGoalTask):
    """The heading that it starts with and the goal's direction are drawn."""

    falling = Falling(threshold=0.9, reward=2.0, cost=500.0)
    benchmark_names = ("facing_x", "facing_y", "desired_facing_x", "desired_facing_y")

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        pose = np.zeros((1, 6))
        pose[0, 5] = rng.uniform(-SPREAD_RAD, SPREAD_RAD) if self.random else 0.0
        return ResetTarget(np.array(DKITTY.home_position_rad), np.zeros(0), pose)

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        heading = math.pi + (rng.uniform(-SPREAD_RAD, SPREAD_RAD) if self.random else 0.0)
        return GOAL_DISTANCE_M * np.array([-math.sin(heading), math.cos(heading)])

    def reward(self, physical: Array, goal: Array) -> Array:
        return self.objective(physical, goal) - 4.0 * self.centre_distance(physical)

    def objective(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        cosine, error = upright(physical), xp.abs(bearing(physical, goal))
        small = self.small_bonus(error < NEAR_RAD, cosine > SUCCESS_UPRIGHT, error)
        big = 10.0 * flag(self.success(physical, goal), error)
        return self.falling.value(cosine) - 4.0 * error + small + big

    def success(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        looks = xp.abs(bearing(physical, goal)) < SUCCESS_RAD
        return looks & (upright(physical) > SUCCESS_UPRIGHT)

    def benchmark_columns(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        heading, level = physical[..., HEADING], xp.cos(physical[..., PITCH])
        facing = xp.stack([-xp.sin(heading) * level, xp.cos(heading) * level], axis=-1)
        direction = heading + bearing(physical, goal)
        desired = xp.stack([-xp.sin(direction), xp.cos(direction)], axis=-1)
        return xp.concat([facing, desired], axis=-1)

    def benchmark_goal(self, observation: Array) -> Array:
        return _on_the_circle(self.physical(observation)[..., :2], observation[..., -2:])


def _on_the_circle(place: Array, direction: Array) -> Array:
    """Where the ray from `place` along the unit vector `direction`, each [..., 2], meets the circle
    on which goals lie; the point nearest to it for a robot that has left the circle.
    """
    xp = array_namespace(place)
    along = xp.sum(place * direction, axis=-1)[..., None]
    beside = GOAL_DISTANCE_M**2 - xp.sum(place * place, axis=-1)[..., None] + along * along
    reach = xp.sqrt(xp.maximum(beside, xp.zeros_like(beside))) - along
    return place + xp.maximum(reach, xp.zeros_like(reach)) * direction
