"""Episodes in an environment of this process: rows for training, outcomes of evaluations."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hal.errors import ReasonedError
from hal.types import Vector
from mbctl.data.layout import Rows
from mbctl.episodes.actor import Actor
from mbctl.episodes.environment import Environment
from mbctl.episodes.episode import Episode, Row
from mbctl.episodes.seeding import EpisodeSeed
from mbctl.policies.manifest import row_layout


class BrokenPolicyError(ReasonedError):
    """A policy gave an action that is no number."""

    reason = "POLICY_BROKEN"


class RunningEpisode(Episode):
    """An episode from its environment's reset on; `environment` belongs to it until it is over.

    Attributes:
        requested: [A] float64 actions so far, as the policy gave them.
        applied: [A] as the robot carried them out.
        physicals: [P] states so far, the first of them the start.
    """

    def __init__(self, environment: Environment, seed: EpisodeSeed, *, explore: bool) -> None:
        task, start = environment.task, environment.reset(seed.start_rng())
        super().__init__(task, row_layout(task), seed, start.goal, explore=explore)
        self.begin(start.physical)
        self.requested: list[NDArray[np.float64]] = []
        self.applied: list[Vector] = []
        self.physicals = [start.physical]
        self._environment = environment

    def act(self, actor: Actor) -> Row:
        """Take one step as the actor says; returns its row [width], until the next step's.

        Raises:
            BrokenPolicyError: the action is not finite.
        """
        action = actor.act(self)
        if not np.isfinite(action).all():
            raise BrokenPolicyError(f"the policy asks for {action} at {self.seed}")
        return self.advance(action, actor)

    def advance(self, action: NDArray[np.floating], actor: Actor | None = None) -> Row:
        """Take one step with an action [A] that was settled before; returns the row."""
        requested = self.request(action)
        step = self._environment.step(requested)
        if actor is not None:
            actor.carried_out(self, step.applied)
        self.requested.append(requested)
        self.applied.append(step.applied)
        self.physicals.append(step.physical)
        return self.arrive(step)


class Collector:
    """Training rows in blocks of any size, whose borders need not be those of episodes.

    Args:
        index: of the first episode to begin.
    """

    def __init__(self, environment: Environment, seed: int, index: int = 0) -> None:
        self._environment = environment
        self._seed = seed
        self._layout = row_layout(environment.task)
        self.episodes = index  # begun so far
        self._open: RunningEpisode | None = None
        self._actor: Actor | None = None

    def collect(self, actor: Actor, count: int) -> tuple[Rows, NDArray[np.int64]]:
        """`count` valid rows [count, width] with their steps [count] in their episodes.

        An actor that was not here before is told that an episode begins where it takes over.
        """
        rows = np.empty((count, self._layout.width), dtype=np.float32)
        steps = np.empty(count, dtype=np.int64)
        if self._open is not None and actor is not self._actor:
            actor.begin(self._open.seed.plan_seed())
        self._actor = actor
        number = 0
        while number < count:
            episode = self._open or self._begin(actor)
            steps[number] = episode.steps
            rows[number] = episode.act(actor)
            number += rows[number, -1] == 1.0  # the next row takes the place of an invalid one
            self._open = None if episode.is_over else episode
        return rows, steps

    @property
    def noise(self) -> dict[str, Any] | None:
        """State of the open episode's noise; None where none is open."""
        noise = None if self._open is None else self._open.noise
        return None if noise is None else dict(noise.bit_generator.state)

    @property
    def requested(self) -> NDArray[np.float64]:
        """Actions [T, A] of the open episode."""
        taken = [] if self._open is None else self._open.requested
        return np.array(taken, dtype=np.float64).reshape(-1, self._layout.action_dim)

    def reopen(self, requested: NDArray[np.float64], noise: dict[str, Any]) -> None:
        """Stand within the last episode begun, as `requested` and `noise` were taken there."""
        episode = self._running(self.episodes - 1)
        for action in requested:
            episode.advance(action)
        assert episode.noise is not None  # training explores
        episode.noise.bit_generator.state = noise
        self._open = episode

    def _begin(self, actor: Actor) -> RunningEpisode:
        episode = self._running(self.episodes)
        self.episodes += 1
        actor.begin(episode.seed.plan_seed())
        return episode

    def _running(self, index: int) -> RunningEpisode:
        seed = EpisodeSeed(self._seed, "train", index)
        return RunningEpisode(self._environment, seed, explore=True)


def evaluation_episode(
    environment: Environment, actor: Actor, seed: int, index: int
) -> RunningEpisode:
    """Evaluation episode `index` of `seed`, run to its end by the mean policy."""
    episode = RunningEpisode(environment, EpisodeSeed(seed, "evaluate", index), explore=False)
    actor.begin(episode.seed.plan_seed())
    while not episode.is_over:
        episode.act(actor)
    return episode


@dataclass(frozen=True)
class Outcome:
    """One finished evaluation episode."""

    success: bool
    episode_return: float
    steps: int


def evaluate(
    environment: Environment, actor: Actor, seed: int, first: int, count: int
) -> list[Outcome]:
    """The mean policy on `count` fresh starts and goals, from evaluation episode `first` on."""
    episodes = (
        evaluation_episode(environment, actor, seed, index) for index in range(first, first + count)
    )
    return [Outcome(e.is_success, e.episode_return, e.steps) for e in episodes]
