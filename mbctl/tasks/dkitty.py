"""What D'Kitty's tasks share: observation, falling, a goal on the ground, the benchmark's quirks.

Observed, before what a task adds:
    default: all as the robot sees it. The start to its right and ahead, its height, pitch, roll,
        cos and sin of its heading; leg positions; torso velocity and angular velocity along the
        heading; leg velocities; last action.
    paper, robel: ROBEL's own columns. Torso position and Euler angles, leg positions, their
        velocities, last action, uprightness.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hal.arrays import array_namespace
from hal.robots.dkitty import DKITTY
from hal.types import RobotState
from mbctl.tasks.dkitty_physical import (
    HEADING,
    LEG_VELOCITIES,
    LEGS,
    LEGS_MIRRORED,
    PHYSICAL_NAMES,
    PITCH,
    PLACE_MIRRORED,
    POSITIONS,
    SPEEDS,
    SPIN_MIRRORED,
    SPINS,
    SYMMETRIES,
    TILT,
    VELOCITIES,
    VELOCITY_MIRRORED,
    bearing,
    feet_features,
    from_measured,
    physical_of,
    seen_from_torso,
    symmetric,
    to_measured,
    upright,
)
from mbctl.tasks.geometry import length, turned
from mbctl.tasks.reflection import Reflection, joined, kept
from mbctl.tasks.task import Array, BaseTask, flag, last_action_names

_DEFAULT = (
    *("place_right_m", "place_ahead_m", "torso_z_m"),
    *(*TILT, "heading_cos", "heading_sin"),
    *(*POSITIONS, *SPEEDS, *SPINS, *VELOCITIES, *last_action_names(DKITTY)),
)
_BENCHMARK = (
    *("root_x_m", "root_y_m", "root_z_m"),
    *("root_euler_x_rad", "root_euler_y_rad", "root_euler_z_rad"),
    *POSITIONS,
    *("root_velocity_x_m_s", "root_velocity_y_m_s", "root_velocity_z_m_s"),
    *("root_rate_x_rad_s", "root_rate_y_rad_s", "root_rate_z_rad_s"),
    *VELOCITIES,
    *last_action_names(DKITTY),
    "upright",
)
_DEFAULT_MIRRORED = joined(
    PLACE_MIRRORED,
    kept(1.0, -1.0, 1.0, -1.0),  # pitch, roll, heading
    LEGS_MIRRORED,
    VELOCITY_MIRRORED,
    SPIN_MIRRORED,
    LEGS_MIRRORED,
    LEGS_MIRRORED,  # last action
)


@dataclass(frozen=True)
class Quirks:
    """What ROBEL's code does other than it says; the corrected forms are our default.

    Attributes:
        height_counts_as_distance: the distance from the centre has the torso's height in it.
        bonuses_count_once: the two parts of the small bonus of Orient and Walk are joined by "or".
        knees_start_past_their_stop: random poses of Stand bend knees to -2 rad; they stop at -pi/2.
    """

    height_counts_as_distance: bool = False
    bonuses_count_once: bool = False
    knees_start_past_their_stop: bool = False


CORRECTED = Quirks()
AS_IN_ROBEL = Quirks(True, True, True)


@dataclass(frozen=True)
class Falling:
    """How a task values being upright; below `threshold` the robot has fallen: the episode ends.

    Attributes:
        threshold: of the cosine between the torso's up and the world's.
        reward: of being perfectly upright; falls linearly to 0 at the threshold.
        cost: of having fallen.
    """

    threshold: float
    reward: float
    cost: float

    def value(self, cosine: Array) -> Array:
        """Reward [...] of an uprightness [...]."""
        share = (cosine - self.threshold) / (1.0 - self.threshold)
        return self.reward * share - self.cost * flag(cosine < self.threshold, cosine)


class DKittyTask(BaseTask):
    """A task of D'Kitty on flat ground; a subclass says in `falling` what falling is."""

    observations = ("default", "paper", "robel")
    robot = DKITTY
    physical_names = PHYSICAL_NAMES
    episode_steps = 80
    symmetries = SYMMETRIES
    angles = slice(PITCH, HEADING + 1)
    falling: ClassVar[Falling]

    @property
    def quirks(self) -> Quirks:
        """ROBEL's own observation comes with the quirks of its rewards and starts."""
        return AS_IN_ROBEL if self.observation_kind == "robel" else CORRECTED

    @property
    def shared_names(self) -> tuple[str, ...]:
        return _DEFAULT if self.observation_kind == "default" else _BENCHMARK

    def shared_columns(self, physical: Array, last_action: Array) -> Array:
        xp = array_namespace(physical)
        if self.observation_kind != "default":
            pose, velocity = to_measured(physical)
            parts = [pose, physical[..., LEGS], velocity, physical[..., LEG_VELOCITIES]]
            return xp.concat([*parts, last_action, upright(physical)[..., None]], axis=-1)
        heading = physical[..., HEADING]
        right, ahead = turned(physical[..., 0], physical[..., 1], -heading)
        place = xp.stack([right, ahead], axis=-1)
        looks = xp.stack([xp.cos(heading), xp.sin(heading)], axis=-1)
        rest = physical[..., HEADING + 1 :]
        return xp.concat([place, physical[..., 2:HEADING], looks, rest, last_action], axis=-1)

    def physical_from_state(self, state: RobotState) -> np.ndarray:
        return physical_of(state)

    def physical(self, observation: Array) -> Array:
        xp = array_namespace(observation)
        if self.observation_kind != "default":
            pose, velocity = observation[..., 0:6], observation[..., 18:24]
            return from_measured(pose, velocity, observation[..., 6:18], observation[..., 24:36])
        heading = xp.atan2(observation[..., 6], observation[..., 5])
        x, y = turned(observation[..., 0], observation[..., 1], heading)
        place = xp.stack([x, y], axis=-1)
        return xp.concat(
            [place, observation[..., 2:5], heading[..., None], observation[..., 7:37]], axis=-1
        )

    def last_action(self, observation: Array) -> Array:
        begin = 37 if self.observation_kind == "default" else 36
        return observation[..., begin : begin + 12]

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        """Where the robot is does not matter; its heading turns the motion over the ground only."""
        xp = array_namespace(physical)
        heading = physical[..., HEADING]
        over_ground = turned(physical[..., 18], physical[..., 19], heading)
        turning = xp.stack([xp.cos(heading), xp.sin(heading), *over_ground], axis=-1)
        parts = [physical[..., 2:HEADING], turning, physical[..., HEADING + 1 :], action]
        if kinematic:
            commanded = self.commanded(physical, action)
            parts.append(feet_features(physical, physical[..., LEGS], commanded))
        return xp.concat(parts, axis=-1)

    def joint_positions(self, physical: Array) -> Array:
        return physical[..., LEGS]

    def terminated(self, physical: Array) -> Array:
        """Fallen; what is not a number has fallen too."""
        return ~(upright(physical) >= self.falling.threshold)

    def transform(self, physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
        return symmetric(physical, action, symmetry)

    def centre_distance(self, physical: Array) -> Array:
        """How far the torso has moved from where it started, [...] m."""
        axes = 3 if self.quirks.height_counts_as_distance else 2
        return length(physical[..., :axes])

    def small_bonus(self, first: Array, second: Array, like: Array) -> Array:
        """5 for each of two conditions [...]."""
        if self.quirks.bonuses_count_once:
            return 5.0 * flag(first | second, like)
        return 5.0 * (flag(first, like) + flag(second, like))


class DKittyGoalTask(DKittyTask):
    """A task with a goal [2] on the ground, x and y in m, which the robot sees from where it is.

    ROBEL's columns tell of the goal otherwise in each of its tasks.
    """

    goal_names = ("goal_x_m", "goal_y_m")
    benchmark_names: ClassVar[tuple[str, ...]]

    @abstractmethod
    def benchmark_columns(self, physical: Array, goal: Array) -> Array:
        """ROBEL's columns [...] of the task, `benchmark_names`."""

    @abstractmethod
    def benchmark_goal(self, observation: Array) -> Array:
        """A goal [..., 2] that an observation [..., O] of ROBEL's columns tells of."""

    @property
    def own_names(self) -> tuple[str, ...]:
        if self.observation_kind != "default":
            return self.benchmark_names
        return ("goal_right_m", "goal_ahead_m", "goal_bearing_cos", "goal_bearing_sin")

    def own_columns(self, physical: Array, goal: Array) -> Array:
        if self.observation_kind != "default":
            return self.benchmark_columns(physical, goal)
        xp = array_namespace(physical)
        right, ahead = seen_from_torso(physical, goal[..., 0], goal[..., 1])
        angle = bearing(physical, goal)
        return xp.stack([right, ahead, xp.cos(angle), xp.sin(angle)], axis=-1)

    def goal(self, observation: Array) -> Array:
        if self.observation_kind != "default":
            return self.benchmark_goal(observation)
        physical = self.physical(observation)
        x, y = turned(observation[..., -4], observation[..., -3], physical[..., HEADING])
        xp = array_namespace(physical)
        return xp.stack([physical[..., 0] + x, physical[..., 1] + y], axis=-1)

    @property
    def reflection(self) -> Reflection | None:
        """The image that a policy may act in wherever the goal lies to the right."""
        if self.observation_kind != "default":
            return None
        own = kept(-1.0, 1.0, 1.0, -1.0)
        return Reflection.by_last_column(joined(_DEFAULT_MIRRORED, own), LEGS_MIRRORED)
