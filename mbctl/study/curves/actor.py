"""Who acts in a run's episodes: the policy of the learner's snapshot, as the robot would run it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mbctl.algorithms.algorithm import Algorithm
from mbctl.planners.agent import agent_of
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import PolicyArchitecture, Snapshot, build_snapshot
from mbctl.tasks.task import Task

Vector = NDArray[np.floating]


@dataclass(frozen=True)
class Moment:
    """What an actor is shown.

    Attributes:
        step: within the episode.
        physical, last_action, goal: [P], [A], [G] float64.
        observation: [O] float32, composed of these.
    """

    step: int
    physical: NDArray[np.float64]
    last_action: NDArray[np.float64]
    goal: NDArray[np.float64]
    observation: NDArray[np.float32]


class Actor(Protocol):
    """Acts in one episode at a time."""

    @property
    def remembers(self) -> bool:
        """Whether an action depends on more than the moment and the noise."""
        ...

    def begin(self, seed: int) -> None:
        """An episode begins, or goes on after another actor has had it; `seed` is its own."""
        ...

    def act(self, moment: Moment, noise: np.random.Generator | None) -> Vector:
        """The action [A] to request; without `noise` the best known one."""
        ...


class PolicyActor:
    """A snapshot's policy network."""

    remembers = False

    def __init__(self, snapshot: Snapshot) -> None:
        self._policy = NumpyPolicy(snapshot)

    def begin(self, seed: int) -> None:
        """It remembers nothing from step to step."""

    def act(self, moment: Moment, noise: np.random.Generator | None) -> NDArray[np.float32]:
        return self._policy.act(moment.observation, noise)


class PlannerActor:
    """A snapshot's planner, with its policy where there is no plan."""

    remembers = True

    def __init__(self, snapshot: Snapshot, task: Task) -> None:
        self._agent = agent_of(snapshot, task)

    def begin(self, seed: int) -> None:
        self._agent.begin(seed)

    def act(self, moment: Moment, noise: np.random.Generator | None) -> Vector:
        return self._agent.act(moment.physical, moment.last_action, moment.goal, noise)


def make_actor(task: Task, algorithm: Algorithm, name: str, version: int) -> Actor:
    """The actor of a learner's snapshot at this moment."""
    architecture, weights = algorithm.snapshot()
    snapshot = build_snapshot(
        task,
        weights,
        version=version,
        algorithm=name,
        architecture=PolicyArchitecture.model_validate(architecture),
    )
    if snapshot.manifest.policy.planner is not None:
        return PlannerActor(snapshot, task)
    return PolicyActor(snapshot)
