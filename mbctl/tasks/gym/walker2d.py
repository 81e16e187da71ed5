"""gym/Walker2d-v5: walk along x on two legs.

    reward = x_velocity + [healthy] - 0.001 |a|^2;  healthy: 0.8 < height < 2 m, |tilt| < 1 rad

Version 5 has the friction of both feet alike, which version 4 had not.
"""

from typing import Any

from hal.arrays import array_namespace
from mbctl.tasks.gym.benchmark import Benchmark
from mbctl.tasks.gym.gym_task import finite
from mbctl.tasks.gym.locomotion import X_VELOCITY, Runner, columns

Array = Any

HEIGHT_MIN_M, HEIGHT_MAX_M, TILT_MAX_RAD = 0.8, 2.0, 1.0
JOINTS = ("thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left")


class Walker2d(Runner):
    """Physical part [18]: height, tilt, six joints; nine velocities; mean velocity of the step.

    Gymnasium clips observed velocities to +-10.
    """

    facts = Benchmark(
        name="gym/Walker2d-v5",
        gym_id="Walker2d-v5",
        model="walker2d",
        actuators=JOINTS,
        period_s=0.008,
        physical_names=(*columns("x", "height", "tilt", *JOINTS), X_VELOCITY),
        info_columns=(X_VELOCITY,),
        cost_weight=1e-3,
    )

    def healthy(self, physical: Array) -> Array:
        height, tilt = physical[..., 0], array_namespace(physical).abs(physical[..., 1])
        upright = tilt < TILT_MAX_RAD
        return finite(physical) & (height > HEIGHT_MIN_M) & (height < HEIGHT_MAX_M) & upright
