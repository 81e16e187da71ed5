"""Episodes in this process: the control loop's seeds, starts, goals, noise and rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mbctl.data.layout import Rows
from mbctl.episodes.seeding import PURPOSE_NUMBERS
from mbctl.policies.manifest import row_layout
from mbctl.study.curves.actor import Actor, Moment
from mbctl.tasks.environment import Environment
from mbctl.tasks.task import Task


class BrokenPolicyError(Exception):
    """A policy gave an action that is no number."""


@dataclass(frozen=True)
class Place:
    """Which episode of a seeded sequence; everything random in it comes from this alone.

    Attributes:
        purpose: "train" or "evaluate"; each has a sequence of its own.
    """

    seed: int
    purpose: str
    index: int

    @property
    def entropy(self) -> list[int]:
        """The control loop's, for the same episode."""
        return [self.seed, PURPOSE_NUMBERS[self.purpose], self.index]

    @property
    def actor_seed(self) -> int:
        """Of what an actor draws by itself: a planner's, as in the control loop."""
        _, plans = np.random.SeedSequence(self.entropy).spawn(2)
        return int(plans.generate_state(1, np.uint64)[0] >> np.uint64(1))


class RunningEpisode:
    """One episode from its reset on. `environment` belongs to it until it is over.

    Attributes:
        requested: [A] float64 actions so far, as the policy gave them.
        applied: [A] as the robot carried them out.
        physicals: [P] states so far, the first of them the start.
        goal: [G].
        noise: of the policy's exploration.
    """

    def __init__(self, task: Task, environment: Environment, place: Place) -> None:
        sequence = np.random.SeedSequence(place.entropy)
        (noise,) = sequence.spawn(1)
        self.place = place
        self.noise = np.random.Generator(np.random.PCG64(noise))
        self.requested: list[NDArray[np.float64]] = []
        self.applied: list[NDArray[np.float64]] = []
        self.episode_return = 0.0
        self.is_over = False
        self._task = task
        self._environment = environment
        start = environment.reset(np.random.Generator(np.random.PCG64(sequence)))
        self.physicals = [start.physical]
        self.goal = start.goal
        self._last = np.zeros(len(task.robot.joints))

    @property
    def steps(self) -> int:
        return len(self.requested)

    @property
    def _physical(self) -> NDArray[np.float64]:
        return self.physicals[-1]

    @property
    def is_success(self) -> bool:
        """The task's success in the state arrived in last."""
        return bool(self._task.success(self._physical, self.goal))

    def step(self, actor: Actor, explore: bool) -> NDArray[np.float32]:
        """Act once; returns the row [width].

        Raises:
            BrokenPolicyError: the action is not finite.
        """
        moment = Moment(self.steps, self._physical, self._last, self.goal, self._observation())
        action = actor.act(moment, self.noise if explore else None).astype(np.float64)
        if not np.isfinite(action).all():
            raise BrokenPolicyError(f"the policy asks for {action} at {self.place}")
        return self.advance(action)

    def advance(self, action: NDArray[np.float64]) -> NDArray[np.float32]:
        """Take one step with an action [A] that was settled before; returns the row."""
        before = self._observation()
        step = self._environment.step(action)
        self.physicals.append(step.physical)
        self._last = np.clip(action, -1.0, 1.0)
        self.requested.append(action)
        self.applied.append(step.applied)
        self.episode_return += float(step.reward)
        self.is_over = bool(step.terminated or step.truncated)
        ended = [float(step.terminated), float(step.truncated), float(step.valid)]
        row = [before, step.applied, [step.reward], self._observation(), ended]
        return np.concatenate(row).astype(np.float32)

    def _observation(self) -> NDArray[np.float32]:
        observed = self._task.observation(self._physical, self._last, self.goal)
        return np.asarray(observed, dtype=np.float32)


class Collector:
    """Training rows in blocks of any size, whose borders need not be those of episodes.

    Args:
        index: of the first episode to begin.
    """

    def __init__(self, task: Task, environment: Environment, seed: int, index: int = 0) -> None:
        self._task = task
        self._environment = environment
        self._seed = seed
        self._width = row_layout(task).width
        self.episodes = index  # begun so far
        self._open: RunningEpisode | None = None
        self._actor: Actor | None = None

    def collect(self, actor: Actor, count: int) -> tuple[Rows, NDArray[np.int64]]:
        """`count` valid rows [count, width] with their steps [count] in their episodes.

        An actor that was not here before is told that an episode begins where it takes over.
        """
        rows = np.empty((count, self._width), dtype=np.float32)
        steps = np.empty(count, dtype=np.int64)
        if self._open is not None and actor is not self._actor:
            actor.begin(self._open.place.actor_seed)
        self._actor = actor
        number = 0
        while number < count:
            episode = self._open or self._begin(actor)
            steps[number] = episode.steps
            rows[number] = episode.step(actor, explore=True)
            number += rows[number, -1] == 1.0  # the next row takes the place of an invalid one
            self._open = None if episode.is_over else episode
        return rows, steps

    @property
    def noise(self) -> dict[str, Any] | None:
        """State of the open episode's noise; None where none is open."""
        return None if self._open is None else dict(self._open.noise.bit_generator.state)

    @property
    def requested(self) -> NDArray[np.float64]:
        """Actions [T, A] of the open episode."""
        taken: Sequence[Any] = [] if self._open is None else self._open.requested
        return np.array(taken, dtype=np.float64).reshape(-1, len(self._task.robot.joints))

    def reopen(self, requested: NDArray[np.float64], noise: dict[str, Any]) -> None:
        """Stand within the last episode begun, as `requested` and `noise` were taken there."""
        place = Place(self._seed, "train", self.episodes - 1)
        episode = RunningEpisode(self._task, self._environment, place)
        for action in requested:
            episode.advance(action)
        episode.noise.bit_generator.state = noise
        self._open = episode

    def _begin(self, actor: Actor) -> RunningEpisode:
        place = Place(self._seed, "train", self.episodes)
        self.episodes += 1
        actor.begin(place.actor_seed)
        return RunningEpisode(self._task, self._environment, place)


@dataclass(frozen=True)
class Outcome:
    """One finished evaluation episode."""

    success: bool
    episode_return: float
    steps: int


def evaluate(
    task: Task, environment: Environment, actor: Actor, seed: int, first: int, count: int
) -> list[Outcome]:
    """The mean policy on `count` fresh starts and goals, from evaluation episode `first` on."""
    outcomes: list[Outcome] = []
    for index in range(first, first + count):
        place = Place(seed, "evaluate", index)
        actor.begin(place.actor_seed)
        episode = RunningEpisode(task, environment, place)
        while not episode.is_over:
            episode.step(actor, explore=False)
        outcomes.append(Outcome(episode.is_success, episode.episode_return, episode.steps))
    return outcomes
