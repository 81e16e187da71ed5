"""gym/Hopper-v5: hop along x on one leg.

    reward = x_velocity + [healthy] - 0.001 |a|^2
    healthy: height > 0.7 m, |tilt| < 0.2 rad, all else within (-100, 100), both ways

Gymnasium clips observed velocities to +-10 and judges the unclipped ones, so the last condition is
met here by what a model imagines; its own flag is what counts in real episodes. Published ports
take the magnitude of the comparison in place of the value, and let large negative states live.
"""

from typing import Any

from hal.arrays import array_namespace
from mbctl.tasks.gym.benchmark import Benchmark
from mbctl.tasks.gym.gym_task import finite
from mbctl.tasks.gym.locomotion import X_VELOCITY, Runner, columns

Array = Any

HEIGHT_MIN_M, TILT_MAX_RAD, STATE_MAX = 0.7, 0.2, 100.0
JOINTS = ("thigh", "leg", "foot")


class Hopper(Runner):
    """Physical part [12]: height, tilt, three joints; six velocities; mean velocity of the step."""

    facts = Benchmark(
        name="gym/Hopper-v5",
        gym_id="Hopper-v5",
        model="hopper",
        actuators=JOINTS,
        period_s=0.008,
        physical_names=(*columns("x", "height", "tilt", *JOINTS), X_VELOCITY),
        info_columns=(X_VELOCITY,),
        cost_weight=1e-3,
    )

    def healthy(self, physical: Array) -> Array:
        xp = array_namespace(physical)
        state = xp.all(xp.abs(physical[..., 1:11]) < STATE_MAX, axis=-1)
        upright = xp.abs(physical[..., 1]) < TILT_MAX_RAD
        return finite(physical) & state & upright & (physical[..., 0] > HEIGHT_MIN_M)
