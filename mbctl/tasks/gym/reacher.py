"""gym/Reacher-v5: bring the tip of a two-link arm to a target in its plane.

    reward = -|tip - target| - |a|^2;  never ends

Version 5 rewards the state arrived in, version 4 the one left. The tip is a column because
Gymnasium tells it one physics step (0.01 s) late, so that the angles do not give it exactly.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hal.arrays import array_namespace
from hal.types import Vector
from mbctl.tasks.geometry import length
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array

TARGET_MAX_M = 0.2
_RATES = ("shoulder_rad_s", "elbow_rad_s")
_TARGET = ("target_x_m", "target_y_m")


@task("gym/Reacher-v5")
class Reacher(GymTask):
    """Physical part [6]: two angles (rad), their velocities (rad/s), the tip's x and y (m).

    Goal [2]: the target's x and y. The observation [10] is Gymnasium's own.
    """

    gym_id = "Reacher-v5"
    model = "reacher"
    actuators = ("shoulder", "elbow")
    period_s = 0.02
    physical_names = ("shoulder_rad", "elbow_rad", *_RATES, "tip_x_m", "tip_y_m")
    angles = slice(0, 2)
    goal_names = _TARGET
    cost_weight = 1.0
    episode_steps = 50

    @property
    def observation_names(self) -> tuple[str, ...]:
        angles = ("shoulder_cos", "elbow_cos", "shoulder_sin", "elbow_sin")
        return (*angles, *_TARGET, *_RATES, "tip_from_target_x_m", "tip_from_target_y_m")

    def physical_from_gym(
        self, observation: Vector, info: Mapping[str, Any], before: Vector | None
    ) -> Vector:
        return self.physical(observation)

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        """Evenly over a disc, as Gymnasium draws it."""
        while True:
            target = rng.uniform(-TARGET_MAX_M, TARGET_MAX_M, size=2)
            if np.hypot(*target) < TARGET_MAX_M:
                return target

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        angles, tip = physical[..., :2], physical[..., 4:]
        parts = [xp.cos(angles), xp.sin(angles), goal, physical[..., 2:4], tip - goal]
        return xp.concat(parts, axis=-1)

    def physical(self, observation: Array) -> Array:
        xp = array_namespace(observation)
        angles = xp.atan2(observation[..., 2:4], observation[..., :2])
        tip = observation[..., 8:] + observation[..., 4:6]
        return xp.concat([angles, observation[..., 6:8], tip], axis=-1)

    def goal(self, observation: Array) -> Array:
        return observation[..., 4:6]

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        xp = array_namespace(physical)
        angles = physical[..., :2]
        return xp.concat([xp.cos(angles), xp.sin(angles), physical[..., 2:], action], axis=-1)

    def reward(self, physical: Array, goal: Array) -> Array:
        return -length(physical[..., 4:] - goal)
