"""gym/Swimmer-v5: swim along x with three links. reward = x_velocity - 0.0001 |a|^2; never ends."""

from typing import Any

from mbctl.tasks.gym.benchmark import Benchmark
from mbctl.tasks.gym.gym_task import finite
from mbctl.tasks.gym.locomotion import X_VELOCITY, Runner, columns

Array = Any

JOINTS = ("front", "back")


class Swimmer(Runner):
    """Physical part [9]: heading and two joints; five velocities; mean velocity of the step."""

    facts = Benchmark(
        name="gym/Swimmer-v5",
        gym_id="Swimmer-v5",
        model="swimmer",
        actuators=JOINTS,
        period_s=0.04,
        physical_names=(*columns("x", "y", "heading", *JOINTS, skipped=2), X_VELOCITY),
        info_columns=(X_VELOCITY,),
        cost_weight=1e-4,
    )
    healthy_bonus = 0.0

    def healthy(self, physical: Array) -> Array:
        return finite(physical)
