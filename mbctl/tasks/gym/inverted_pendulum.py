"""gym/InvertedPendulum-v5: keep a pole upright on a cart.

    reward = 1 where the episode goes on, else 0;  terminated: not finite or |angle| > 0.2 rad

Version 5 gives nothing for the step that ends an episode; version 4 gave 1. Acting is free.
"""

from typing import Any

from hal.arrays import array_namespace
from mbctl.tasks.gym.benchmark import Benchmark
from mbctl.tasks.gym.gym_task import GymTask, counted, finite

Array = Any

ANGLE_MAX_RAD = 0.2


class InvertedPendulum(GymTask):
    """Physical part [4]: cart position (m), pole angle (rad), their velocities."""

    facts = Benchmark(
        name="gym/InvertedPendulum-v5",
        gym_id="InvertedPendulum-v5",
        model="inverted-pendulum",
        actuators=("slider",),
        period_s=0.04,
        physical_names=("cart_m", "pole_rad", "cart_m_s", "pole_rad_s"),
        action_limit=3.0,
    )

    def reward(self, physical: Array, goal: Array) -> Array:
        return counted(~self.terminated(physical), physical[..., 0])

    def terminated(self, physical: Array) -> Array:
        upright = array_namespace(physical).abs(physical[..., 1]) <= ANGLE_MAX_RAD
        return ~(finite(physical) & upright)
