"""What a task is, and what all tasks have in common.

`Task` is the contract: pure functions over batches, the same lines for NumPy and torch. The control
loop evaluates them on NumPy arrays of one state, the learner on torch tensors of thousands of
imagined ones; array_api_compat picks the namespace, so neither imports the other's. `BaseTask` has
what a task need not say itself.

Words used here:
    physical: [..., P] what the dynamics model predicts: joint and object positions and velocities.
    goal: [..., G] what the episode asks for; never predicted, redrawn freely in imagination.
    last_action: [..., A] the previous action as requested, clipped to [-1, 1]; zeros after a reset.
"""

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from hal.arrays import array_namespace
from hal.limits import action_to_target, bound_target, target_to_action
from hal.types import ResetTarget, RobotSpec, RobotState
from mbctl.tasks.geometry import wrap_angle
from mbctl.tasks.reflection import Reflection

Array = Any  # a NumPy array or a torch tensor; every method keeps the kind it is given


@runtime_checkable
class Task(Protocol):
    """A task on one robot model. Instances are immutable and hold no episode state."""

    @property
    def name(self) -> str:
        """Its public name, such as "dclaw-turn-random"."""
        ...

    @property
    def robot(self) -> RobotSpec:
        """The robot model it is defined on."""
        ...

    @property
    def period_s(self) -> float:
        """Control period."""
        ...

    @property
    def episode_steps(self) -> int:
        """Steps after which an episode is truncated."""
        ...

    @property
    def observation_names(self) -> tuple[str, ...]:
        """The O observation columns."""
        ...

    @property
    def physical_names(self) -> tuple[str, ...]:
        """The P physical columns."""
        ...

    @property
    def goal_names(self) -> tuple[str, ...]:
        """The G goal columns."""
        ...

    @property
    def reflection(self) -> Reflection | None:
        """The mirror image that a policy may act in; None when the task has none."""
        ...

    @property
    def symmetries(self) -> int:
        """Order of the symmetry group that `transform` offers; 1 is none."""
        ...

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        """Draw the state in which an episode starts."""
        ...

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        """Draw one goal, [G] float64."""
        ...

    def physical_from_state(self, state: RobotState) -> np.ndarray:
        """The full physical part, [P] float64, of a measurement."""
        ...

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        """Compose the observation [..., O]."""
        ...

    def physical(self, observation: Array) -> Array:
        """Recover the physical part [..., P] from an observation [..., O]."""
        ...

    def last_action(self, observation: Array) -> Array:
        """Recover the last action [..., A] from an observation [..., O]; zeros if it has none."""
        ...

    def goal(self, observation: Array) -> Array:
        """Recover a goal [..., G] equivalent to the one the observation was composed with."""
        ...

    def physical_difference(self, after: Array, before: Array) -> Array:
        """after - before, [..., P], with angles taken the short way round."""
        ...

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        """Dynamics-model inputs [..., I]: angles as periodic features, actions as applied.

        `kinematic` adds what the robot's known geometry tells of `physical` and of the commanded
        pose; a task without such knowledge adds nothing.
        """
        ...

    def applied_action(self, physical: Array, action: Array) -> Array:
        """The action [..., A] that is really applied: clipped, in range, velocity-bounded."""
        ...

    def reward(self, physical: Array, goal: Array) -> Array:
        """Reward [...] of arriving in `physical`, before what the action cost."""
        ...

    def action_cost(self, applied_action: Array) -> Array:
        """What applying an action [..., A] costs, [...] >= 0.

        A step is worth `reward(after, goal) - action_cost(applied)`; whoever counts `objective`
        in place of `reward` subtracts it likewise.
        """
        ...

    def objective(self, physical: Array, goal: Array) -> Array:
        """The reward [...] without its regularising costs: what the task is about."""
        ...

    def terminated(self, physical: Array) -> Array:
        """Whether the episode ends for good in `physical`, [...] bool."""
        ...

    def success(self, physical: Array, goal: Array) -> Array:
        """The task's success in `physical`, [...] bool; counted at the last step of an episode."""
        ...

    def transform(self, physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
        """Apply symmetry number `symmetry` (0 is the identity) to dynamics data."""
        ...


class BaseTask(ABC):
    """A task with everything that it need not say itself; immutable, without episode state.

    Observed are the columns that all tasks of a robot share, here the physical part and the last
    action, then the task's own, here the goal. A robot's family of tasks overrides the former, a
    task the latter.

    Args:
        name: the public name; it tells the variant.
        variant: which of those that the class is registered with; "" for a task without any.
        observation_kind: one of `observations`.

    Attributes:
        observations: what the task can be observed as.
        robot, physical_names, goal_names, period_s, episode_steps, symmetries: see `Task`.
        angles: the physical columns that are unbounded angles, whose difference goes the short way
            round.
    """

    observations: tuple[str, ...] = ("default",)
    robot: RobotSpec
    physical_names: tuple[str, ...]
    goal_names: tuple[str, ...] = ()
    period_s: float = 0.1
    episode_steps: int
    symmetries: int = 1
    angles: slice = slice(0, 0)

    def __init__(self, name: str, variant: str = "", observation_kind: str = "default") -> None:
        self.name: Final = name
        self.variant: Final = variant
        self.observation_kind: Final = observation_kind

    @property
    def random(self) -> bool:
        """Whether start and goal are drawn; otherwise they are always the same."""
        return self.variant != "fixed"

    @property
    def observation_names(self) -> tuple[str, ...]:
        return (*self.shared_names, *self.own_names)

    @property
    def shared_names(self) -> tuple[str, ...]:
        """Observation columns before the task's own."""
        return (*self.physical_names, *last_action_names(self.robot))

    @property
    def own_names(self) -> tuple[str, ...]:
        """The task's own observation columns, which come last."""
        return self.goal_names

    @property
    def reflection(self) -> Reflection | None:
        return None

    @abstractmethod
    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        """Draw the state in which an episode starts."""

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        """Always the same: for a task without goal columns."""
        return np.zeros(0)

    def physical_from_state(self, state: RobotState) -> np.ndarray:
        """In the order of `measured_names`."""
        return np.concatenate(
            [
                state.joint_position_rad,
                state.joint_velocity_rad_s,
                state.object_position_rad,
                state.object_velocity_rad_s,
            ]
        )

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        shared = self.shared_columns(physical, last_action)
        own = self.own_columns(physical, goal)
        return array_namespace(physical).concat([shared, own], axis=-1)

    def shared_columns(self, physical: Array, last_action: Array) -> Array:
        """Values [...] of `shared_names`."""
        return array_namespace(physical).concat([physical, last_action], axis=-1)

    def own_columns(self, physical: Array, goal: Array) -> Array:
        """Values [...] of `own_names`."""
        return goal

    def physical(self, observation: Array) -> Array:
        return observation[..., : len(self.physical_names)]

    def last_action(self, observation: Array) -> Array:
        begin = len(self.physical_names)
        return observation[..., begin : begin + len(self.robot.joints)]

    def goal(self, observation: Array) -> Array:
        return observation[..., observation.shape[-1] - len(self.goal_names) :]

    def physical_difference(self, after: Array, before: Array) -> Array:
        difference, angles = after - before, self.angles
        if angles.start == angles.stop:
            return difference
        short = wrap_angle(difference[..., angles])
        parts = [difference[..., : angles.start], short, difference[..., angles.stop :]]
        return array_namespace(difference).concat(parts, axis=-1)

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        return array_namespace(physical).concat([physical, action], axis=-1)

    def joint_positions(self, physical: Array) -> Array:
        """The measured joint positions [..., A] rad, which the physical part begins with."""
        return physical[..., : len(self.robot.joints)]

    def commanded(self, physical: Array, action: Array) -> Array:
        """Joint positions [..., A] rad that an action asks for, of the kind of `physical`."""
        low, high, _ = limit_arrays(self.robot, physical)
        return action_to_target(action, low, high)

    def applied_action(self, physical: Array, action: Array) -> Array:
        low, high, velocity = limit_arrays(self.robot, physical)
        target = action_to_target(action, low, high)
        position, step_max = self.joint_positions(physical), velocity * self.period_s
        sent = bound_target(target, position, low, high, step_max)
        return target_to_action(sent, low, high)

    @abstractmethod
    def reward(self, physical: Array, goal: Array) -> Array:
        """Reward [...] of arriving in `physical`, before what the action cost."""

    def action_cost(self, applied_action: Array) -> Array:
        """Nothing."""
        return array_namespace(applied_action).zeros_like(applied_action[..., 0])

    def objective(self, physical: Array, goal: Array) -> Array:
        """The same as the reward."""
        return self.reward(physical, goal)

    def terminated(self, physical: Array) -> Array:
        """Never, except for what is not finite."""
        return ~finite(physical)

    @abstractmethod
    def success(self, physical: Array, goal: Array) -> Array:
        """The task's success in `physical`, [...] bool."""

    def transform(self, physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
        return physical, action


def measured_names(robot: RobotSpec) -> tuple[str, ...]:
    """Physical columns of a robot without bodies: joints, then objects, positions first."""
    return tuple(
        f"{part}_{what}"
        for parts in (robot.joint_names, robot.objects)
        for what in ("position_rad", "velocity_rad_s")
        for part in parts
    )


def last_action_names(robot: RobotSpec) -> tuple[str, ...]:
    """Observation columns of the last action."""
    return tuple(f"{joint}_last_action" for joint in robot.joint_names)


def dynamics_input_width(task: Task, kinematic: bool) -> int:
    """How many inputs a dynamics model of the task has."""
    probe = np.zeros((1, len(task.physical_names))), np.zeros((1, len(task.robot.joints)))
    return task.dynamics_inputs(*probe, kinematic).shape[-1]


def limit_arrays(robot: RobotSpec, like: Array) -> tuple[Array, Array, Array]:
    """Position minimum and maximum (rad) and velocity maximum (rad/s), each [J], kind of `like`."""
    return _limits(robot, array_namespace(like), like.dtype, like.device)


@lru_cache(maxsize=32)
def _limits(
    robot: RobotSpec, namespace: Any, dtype: Any, device: Any
) -> tuple[Array, Array, Array]:
    values = (robot.position_min_rad, robot.position_max_rad, robot.velocity_max_rad_s)
    low, high, velocity = (namespace.asarray(v, dtype=dtype, device=device) for v in values)
    return low, high, velocity


def finite(values: Array) -> Array:
    """Whether all columns [..., P] are finite, [...] bool."""
    xp = array_namespace(values)
    return xp.all(xp.isfinite(values), axis=-1)


def flag(condition: Array, like: Array) -> Array:
    """1 where a condition [...] holds and 0 elsewhere, of the kind of `like` [...]."""
    xp = array_namespace(like)
    return xp.where(condition, xp.ones_like(like), xp.zeros_like(like))
