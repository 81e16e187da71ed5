"""What a task is: pure functions over batches, the same lines for NumPy and torch.

The control loop evaluates them on NumPy arrays of one state, the learner on torch tensors of
thousands of imagined ones; array_api_compat picks the namespace, so neither imports the other's.

Words used here:
    physical: [..., P] what the dynamics model predicts: joint and object positions and velocities.
    goal: [..., G] what the episode asks for; never predicted, redrawn freely in imagination.
    last_action: [..., A] the previous action as requested, clipped to [-1, 1]; zeros after a reset.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from hal.types import ResetTarget, RobotSpec, RobotState
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
