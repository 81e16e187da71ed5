"""One step of a benchmark's true physics from any state, to measure learned models by."""

import numpy as np

from hal.types import Vector
from mbctl.tasks.gym.gym_task import GymTask
from sim.gym_environment import GymEnvironment


class GymStep(GymEnvironment):
    """Calls step Gymnasium's body from the states that they are given.

    Args:
        task: one whose physical part is the body's positions and velocities, nothing less or more,
            such as gym/InvertedPendulum-v5.

    Raises:
        ValueError: its physical part is another.
        GymnasiumMissingError: Gymnasium is not installed.
    """

    def __init__(self, task: GymTask) -> None:
        super().__init__(task)
        model = getattr(self._gym, "model", None)
        size = None if model is None else model.nq + model.nv
        if size != len(task.physical_names) or task.info_columns:
            self.close()
            raise ValueError(
                f"the physical part of {task.name!r} is not its body's whole state, so that no "
                "step can begin from it"
            )

    def __call__(self, physical: Vector, applied: Vector) -> Vector:
        """The next physical part [B, P] for each row of [B, P] and [B, A], in double precision."""
        return np.stack([self._one(*row) for row in zip(physical, applied, strict=True)])

    def _one(self, physical: Vector, applied: Vector) -> Vector:
        gym = self._gym
        positions = gym.model.nq
        gym.data.qacc_warmstart[:] = 0.0  # so that a step does not depend on the one before
        gym.set_state(physical[:positions], physical[positions:])
        gym.do_simulation(self._task.action_limit * applied, gym.frame_skip)
        self._refuse_warnings()
        return np.concatenate([gym.data.qpos, gym.data.qvel])
