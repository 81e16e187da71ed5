"""A Gymnasium task as an `Environment`: Gymnasium has the body, ours are rewards and columns.

Rewards come from the task's own functions, so that real and imagined steps are worth the same;
tests compare them with Gymnasium's. Whether an episode has ended for good is for Gymnasium to say,
which sees states that its observation clips.
"""

from typing import Any

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
from numpy.typing import NDArray

from hal.errors import HalError
from hal.types import Vector
from mbctl.episodes.environment import EpisodeCount, Start, Step, take_step
from mbctl.tasks.gym.gym_task import GymTask

_SEEDS = 2**31


class GymnasiumMissingError(HalError):
    """Gymnasium or what its MuJoCo tasks need is not installed."""

    reason = "GYMNASIUM_MISSING"


class SimulationInvalidError(HalError):
    """MuJoCo raised a warning: what it goes on with is no continuation of the episode."""

    reason = "SIMULATION_INVALID"


class GymEnvironment:
    """One body in Gymnasium.

    Raises:
        GymnasiumMissingError: it is not installed; says how to install it.
    """

    def __init__(self, task: GymTask) -> None:
        self._task = task
        self._count = EpisodeCount(task)
        self._gym = _make(task)
        self._physical: Vector = np.empty(0)
        self._goal: Vector = np.empty(0)

    @property
    def task(self) -> GymTask:
        return self._task

    def reset(self, rng: np.random.Generator) -> Start:
        """Start and goal are drawn by Gymnasium, from a seed drawn here."""
        observation, info = self._gym.reset(seed=int(rng.integers(_SEEDS)))
        self._goal = self._task.goal_from_gym(observation)
        self._physical = self._task.physical_from_gym(observation, info, None)
        self._count.begin()
        return Start(self._physical, self._goal)

    def step(self, action: NDArray[np.floating]) -> Step:
        """See `Environment.step`.

        Raises:
            SimulationInvalidError: the physics have diverged.
        """
        task = self._task
        requested, taken = self._count.check(action)
        applied = task.applied_action(self._physical, requested)
        told = self._gym.step(task.action_limit * applied)
        observation, _, terminated, _, info = told
        self._refuse_warnings()
        self._physical = task.physical_from_gym(observation, info, self._physical)
        where = self._goal, taken, self._physical, applied
        return self._count.count(take_step(task, *where, terminated=bool(terminated)))

    def close(self) -> None:
        self._gym.close()

    def _refuse_warnings(self) -> None:
        data = getattr(self._gym, "data", None)
        if data is None or not data.warning.number.any():
            return
        raised = np.flatnonzero(data.warning.number)
        names = ", ".join(mujoco.mjtWarning(int(kind)).name for kind in raised)
        raise SimulationInvalidError(f"{self._task.name}: MuJoCo raised {names}; reset it")


def _make(task: GymTask) -> Any:
    """Gymnasium's environment without its wrappers: time limits and checks are ours."""
    # Without a handler MuJoCo appends each warning to a file in the working directory.
    mujoco.set_mju_user_warning(_leave_to_counters)
    try:
        import gymnasium

        return gymnasium.make(task.gym_id, disable_env_checker=True, **task.options).unwrapped
    except ImportError as error:
        raise GymnasiumMissingError(
            f"{task.name} needs Gymnasium with MuJoCo ({error}); pip install 'mbctl[bench]'"
        ) from error


def _leave_to_counters(message: str) -> None:
    """Warnings are counted in the simulation's data too, where `step` looks for them."""
