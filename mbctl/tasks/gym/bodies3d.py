"""gym/Ant-v5 and gym/Humanoid-v5 with observations truncated as in MBPO (Janner et al. 2019).

    reward = w x_velocity + bonus [healthy] + reward_contact - c |a|^2
                 w      bonus   c     healthy
    Ant          1      1       0.5   finite, 0.2 <= height <= 1 m
    Humanoid     1.25   5       0.1   1 < height < 2 m

Truncated: positions and velocities without contact forces (and, for Humanoid, without inertias,
body velocities and actuator forces). What contacts cost is therefore a column of its own, as
Gymnasium's info has it: `reward_contact`, at most 0.
"""

from typing import ClassVar

from mbctl.tasks.gym.gym_task import Options
from mbctl.tasks.gym.runners import X_VELOCITY, Runner
from mbctl.tasks.registry import task
from mbctl.tasks.task import Array, finite

CONTACT = "reward_contact"
_POSITIONS = ("height", "quaternion_w", "quaternion_x", "quaternion_y", "quaternion_z")
_RATES = ("x_rate", "y_rate", "height_rate", "roll_rate", "pitch_rate", "yaw_rate")


def _columns(joints: tuple[str, ...]) -> tuple[str, ...]:
    rates = (*_RATES, *(f"{joint}_rate" for joint in joints))
    return (*_POSITIONS, *joints, *rates, X_VELOCITY, CONTACT)


def _legs(*order: int) -> tuple[str, ...]:
    return tuple(f"{joint}_{leg}" for leg in order for joint in ("hip", "ankle"))


def _sides(*joints: str) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for side in ("right", "left") for joint in joints)


_LIMBS = (*_sides("hip_x", "hip_z", "hip_y", "knee"), *_sides("shoulder1", "shoulder2", "elbow"))


class _Body3d(Runner):
    info_columns = (X_VELOCITY, CONTACT)

    def reward(self, physical: Array, goal: Array) -> Array:
        return super().reward(physical, goal) + physical[..., -1]


@task("gym/Ant-v5")
class Ant(_Body3d):
    """Physical part [29]: height, attitude, 8 joints; 14 velocities; mean velocity, contacts."""

    gym_id = "Ant-v5"
    model = "ant"
    actuators = _legs(4, 1, 2, 3)
    period_s = 0.05
    physical_names = _columns(_legs(1, 2, 3, 4))
    cost_weight = 0.5
    options: ClassVar[Options] = {"include_cfrc_ext_in_observation": False}

    def healthy(self, physical: Array) -> Array:
        height = physical[..., 0]
        return finite(physical) & (height >= 0.2) & (height <= 1.0)


@task("gym/Humanoid-v5")
class Humanoid(_Body3d):
    """Physical part [47]: height, attitude, 17 joints; 23 velocities; mean velocity, contacts.

    The mean velocity is that of the centre of mass.
    """

    gym_id = "Humanoid-v5"
    model = "humanoid"
    actuators = ("abdomen_y", "abdomen_z", "abdomen_x", *_LIMBS)
    period_s = 0.015
    physical_names = _columns(("abdomen_z", "abdomen_y", "abdomen_x", *_LIMBS))
    action_limit = 0.4
    cost_weight = 0.1
    options: ClassVar[Options] = {
        f"include_{part}_in_observation": False
        for part in ("cinert", "cvel", "qfrc_actuator", "cfrc_ext")
    }
    forward_weight = 1.25
    healthy_bonus = 5.0

    def healthy(self, physical: Array) -> Array:
        height = physical[..., 0]
        return finite(physical) & (height > 1.0) & (height < 2.0)
