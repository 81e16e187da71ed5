"""Planar runners: gym/Hopper-v5, HalfCheetah-v5, Walker2d-v5, Swimmer-v5, and pal/Hopper.

    reward = w x_velocity + bonus [healthy] - c |a|^2;  terminated: not healthy
                  w   bonus   c       healthy
    Hopper        1   1       0.001   height > 0.7 m, |tilt| < 0.2 rad, the rest within +-100
    HalfCheetah   1   0       0.1     always
    Walker2d      1   1       0.001   0.8 < height < 2 m, |tilt| < 1 rad
    Swimmer       1   0       0.0001  always
    pal/Hopper    2   2       0.002   as Hopper

Gymnasium clips Hopper's and Walker2d's observed velocities to +-10 and judges the unclipped ones,
so Hopper's last condition is met here by what a model imagines; its own flag is what counts in real
episodes. Published ports take the magnitude of the comparison in place of the value, and let large
negative states live. Version 5 has the friction of Walker2d's feet alike, which version 4 had not.
"""

from abc import abstractmethod
from typing import ClassVar

from hal.arrays import array_namespace
from mbctl.tasks.gym.gym_task import GymTask, Options
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array, finite, flag

X_VELOCITY = "x_velocity"  # m/s, the mean over the step, as Gymnasium's info has it
REPEATS = 2  # of each action in pal/Hopper
_FRAME_SKIP = 4  # of gym/Hopper-v5
_HOPPER = ("thigh", "leg", "foot")
_HALF_CHEETAH = tuple(
    f"{end}_{part}" for end in ("back", "front") for part in ("thigh", "shin", "foot")
)
_WALKER2D = (*_HOPPER, *(f"{joint}_left" for joint in _HOPPER))
_SWIMMER = ("front", "back")


def columns(*joints: str, skipped: int = 1) -> tuple[str, ...]:
    """Gymnasium's planar observation, positions but for the first, then velocities; and the mean
    velocity of the step.
    """
    return (*joints[skipped:], *(f"{joint}_rate" for joint in joints), X_VELOCITY)


class Runner(GymTask):
    """reward = w x_velocity + bonus [healthy] - cost of acting.

    Attributes:
        forward_weight: w, a number per m/s.
        healthy_bonus: for arriving in a healthy state.
    """

    info_columns = (X_VELOCITY,)
    forward_weight: ClassVar[float] = 1.0
    healthy_bonus: ClassVar[float] = 1.0

    def reward(self, physical: Array, goal: Array) -> Array:
        forward = self.forward_weight * physical[..., self.physical_names.index(X_VELOCITY)]
        return forward + self.healthy_bonus * flag(self.healthy(physical), forward)

    def terminated(self, physical: Array) -> Array:
        return ~self.healthy(physical)

    @abstractmethod
    def healthy(self, physical: Array) -> Array:
        """[...] bool; false for what is not finite."""


@task("gym/Hopper-v5")
class Hopper(Runner):
    """Physical part [12]: height, tilt, three joints; six velocities; mean velocity of the step."""

    gym_id = "Hopper-v5"
    model = "hopper"
    actuators = _HOPPER
    period_s = 0.008
    physical_names = columns("x", "height", "tilt", *_HOPPER)
    cost_weight = 1e-3

    def healthy(self, physical: Array) -> Array:
        xp = array_namespace(physical)
        state = xp.all(xp.abs(physical[..., 1:11]) < 100.0, axis=-1)
        upright = xp.abs(physical[..., 1]) < 0.2
        return finite(physical) & state & upright & (physical[..., 0] > 0.7)


@task("pal/Hopper")
class RepeatedHopper(Hopper):
    """Hopper with each action held for two of Gymnasium's steps; `x_velocity` is the mean of both.

    So does the released configuration of PAL (Rajeswaran et al. 2020); the paper does not mention
    it. Rewards are the sums over both steps, but for the step that ends an episode, which has that
    of one frame less; so returns compare with gym/Hopper-v5. One sample here is two of Gymnasium's
    frames, which curves drawn over frames have to count. Health is judged once, after the second
    step.
    """

    period_s = REPEATS * Hopper.period_s
    cost_weight = REPEATS * Hopper.cost_weight
    episode_steps = Hopper.episode_steps // REPEATS
    options: ClassVar[Options] = {"frame_skip": REPEATS * _FRAME_SKIP}
    forward_weight = REPEATS * Hopper.forward_weight
    healthy_bonus = REPEATS * Hopper.healthy_bonus


@task("gym/HalfCheetah-v5")
class HalfCheetah(Runner):
    """Physical part [18]: height, tilt, six joints; nine velocities; mean velocity of the step."""

    gym_id = "HalfCheetah-v5"
    model = "half-cheetah"
    actuators = _HALF_CHEETAH
    period_s = 0.05
    physical_names = columns("x", "height", "tilt", *_HALF_CHEETAH)
    cost_weight = 0.1
    healthy_bonus = 0.0

    def healthy(self, physical: Array) -> Array:
        return finite(physical)


@task("gym/Walker2d-v5")
class Walker2d(Runner):
    """Physical part [18]: height, tilt, six joints; nine velocities; mean velocity of the step."""

    gym_id = "Walker2d-v5"
    model = "walker2d"
    actuators = _WALKER2D
    period_s = 0.008
    physical_names = columns("x", "height", "tilt", *_WALKER2D)
    cost_weight = 1e-3

    def healthy(self, physical: Array) -> Array:
        height, tilt = physical[..., 0], array_namespace(physical).abs(physical[..., 1])
        return finite(physical) & (height > 0.8) & (height < 2.0) & (tilt < 1.0)


@task("gym/Swimmer-v5")
class Swimmer(Runner):
    """Physical part [9]: heading and two joints; five velocities; mean velocity of the step."""

    gym_id = "Swimmer-v5"
    model = "swimmer"
    actuators = _SWIMMER
    period_s = 0.04
    physical_names = columns("x", "y", "heading", *_SWIMMER, skipped=2)
    cost_weight = 1e-4
    healthy_bonus = 0.0

    def healthy(self, physical: Array) -> Array:
        return finite(physical)
