"""gym/Pendulum-v1: swing a pendulum up and hold it there, with a torque too weak to lift it.

    theta' = theta + omega' dt,   omega' = clip(omega + (3 g / 2 l sin theta + 3 / m l^2 u) dt, +-8)
    reward = -(theta^2 + 0.1 omega^2 + 0.001 u^2)     of the state that is left, upright is 0

The reward is one of the state left, so the physical part carries what has changed since: that
state's velocity is the new one less the change, its angle theta' - omega' dt. (Both velocities as
columns would be as good as one and the same, and their difference hard to learn.) The step is known
in closed form and may take a learned model's place.

gym/InvertedPendulum-v5: keep a pole upright on a cart.

    reward = 1 where the episode goes on, else 0;  terminated: not finite or |angle| > 0.2 rad

Version 5 gives nothing for the step that ends an episode; version 4 gave 1. Acting is free.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hal.arrays import array_namespace
from hal.types import Vector
from mbctl.tasks.geometry import wrap_angle
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array, finite, flag

GRAVITY_M_S2, LENGTH_M, MASS_KG = 10.0, 1.0, 1.0
PERIOD_S, SPEED_MAX_RAD_S, TORQUE_MAX_NM = 0.05, 8.0, 2.0
POLE_MAX_RAD = 0.2
_VELOCITIES = ("velocity_rad_s", "velocity_change_rad_s")


@task("gym/Pendulum-v1")
class Pendulum(GymTask):
    """Physical part [3]: angle (rad), angular velocity and its change in the last step (rad/s).

    After a reset the latter is 0. The observation [4] has the angle's cosine and sine.
    """

    gym_id = "Pendulum-v1"
    model = "pendulum"
    actuators = ("torque",)
    period_s = PERIOD_S
    physical_names = ("angle_rad", *_VELOCITIES)
    angles = slice(0, 1)
    action_limit = TORQUE_MAX_NM
    cost_weight = 0.001
    episode_steps = 200

    @property
    def observation_names(self) -> tuple[str, ...]:
        return ("angle_cos", "angle_sin", *_VELOCITIES)

    def physical_from_gym(
        self, observation: Vector, info: Mapping[str, Any], before: Vector | None
    ) -> Vector:
        cosine, sine, velocity = observation.astype(np.float64)
        change = 0.0 if before is None else velocity - before[1]
        return np.array([np.arctan2(sine, cosine), velocity, change])

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        angle = physical[..., :1]
        return xp.concat([xp.cos(angle), xp.sin(angle), physical[..., 1:]], axis=-1)

    def physical(self, observation: Array) -> Array:
        xp = array_namespace(observation)
        angle = xp.atan2(observation[..., 1:2], observation[..., :1])
        return xp.concat([angle, observation[..., 2:]], axis=-1)

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        observed = self.observation(physical, action, action)
        return array_namespace(physical).concat([observed, action], axis=-1)

    def reward(self, physical: Array, goal: Array) -> Array:
        velocity = physical[..., 1]
        left = wrap_angle(physical[..., 0] - PERIOD_S * velocity)
        return -(left**2) - 0.1 * (velocity - physical[..., 2]) ** 2

    def step(self, physical: Array, action: Array) -> Array:
        """The next physical part [..., 3] after an applied action [..., 1], differentiable."""
        xp = array_namespace(physical)
        angle, velocity = physical[..., 0], physical[..., 1]
        torque = TORQUE_MAX_NM * action[..., 0]
        pull = 1.5 * GRAVITY_M_S2 / LENGTH_M * xp.sin(angle)
        faster = velocity + PERIOD_S * (pull + 3.0 / (MASS_KG * LENGTH_M**2) * torque)
        bounded = xp.clip(faster, -SPEED_MAX_RAD_S, SPEED_MAX_RAD_S)
        return xp.stack([angle + PERIOD_S * bounded, bounded, bounded - velocity], axis=-1)


@task("gym/InvertedPendulum-v5")
class InvertedPendulum(GymTask):
    """Physical part [4]: cart position (m), pole angle (rad), their velocities."""

    gym_id = "InvertedPendulum-v5"
    model = "inverted-pendulum"
    actuators = ("slider",)
    period_s = 0.04
    physical_names = ("cart_m", "pole_rad", "cart_m_s", "pole_rad_s")
    action_limit = 3.0

    def reward(self, physical: Array, goal: Array) -> Array:
        return flag(~self.terminated(physical), physical[..., 0])

    def terminated(self, physical: Array) -> Array:
        upright = array_namespace(physical).abs(physical[..., 1]) <= POLE_MAX_RAD
        return ~(finite(physical) & upright)
