"""What runners share: reward for velocity along x, a bonus while healthy, columns by joint."""

from abc import abstractmethod
from typing import Any, ClassVar

from mbctl.tasks.gym.gym_task import GymTask, counted

Array = Any

X_VELOCITY = "x_velocity"  # m/s, the mean over the step, as Gymnasium's info has it


def columns(*joints: str, skipped: int = 1) -> tuple[str, ...]:
    """Names of Gymnasium's planar observation: positions but for the first, then velocities."""
    return (*joints[skipped:], *(f"{joint}_rate" for joint in joints))


class Runner(GymTask):
    """reward = w x_velocity + bonus [healthy] - cost of acting.

    Attributes:
        forward_weight: w.
        healthy_bonus: of each step that arrives in a healthy state.
    """

    forward_weight: ClassVar[float] = 1.0
    healthy_bonus: ClassVar[float] = 1.0

    def reward(self, physical: Array, goal: Array) -> Array:
        forward = self.forward_weight * physical[..., self.physical_names.index(X_VELOCITY)]
        return forward + self.healthy_bonus * counted(self.healthy(physical), forward)

    def terminated(self, physical: Array) -> Array:
        return ~self.healthy(physical)

    @abstractmethod
    def healthy(self, physical: Array) -> Array:
        """[...] bool; false for what is not finite."""
