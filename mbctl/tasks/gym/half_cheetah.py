"""gym/HalfCheetah-v5: run along x. reward = x_velocity - 0.1 |a|^2; never ends."""

from typing import Any

from mbctl.tasks.gym.benchmark import Benchmark
from mbctl.tasks.gym.gym_task import finite
from mbctl.tasks.gym.locomotion import X_VELOCITY, Runner, columns

Array = Any

JOINTS = ("back_thigh", "back_shin", "back_foot", "front_thigh", "front_shin", "front_foot")


class HalfCheetah(Runner):
    """Physical part [18]: height, tilt, six joints; nine velocities; mean velocity of the step."""

    facts = Benchmark(
        name="gym/HalfCheetah-v5",
        gym_id="HalfCheetah-v5",
        model="half-cheetah",
        actuators=JOINTS,
        period_s=0.05,
        physical_names=(*columns("x", "height", "tilt", *JOINTS), X_VELOCITY),
        info_columns=(X_VELOCITY,),
        cost_weight=0.1,
    )
    healthy_bonus = 0.0

    def healthy(self, physical: Array) -> Array:
        return finite(physical)
