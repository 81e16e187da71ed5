"""What there is to see of a run at one moment."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mbctl.results import CurvePoint
from protos.controller_pb2 import GetStatusResponse
from protos.trainer_pb2 import TrainerStatus

RECENT_EPISODES = 20
RATE_WINDOW = 8  # marks over which the remaining time is estimated


@dataclass(frozen=True)
class Batch:
    """How far a batch of episodes is."""

    finished: int = 0
    asked: int = 0

    @property
    def fraction(self) -> float:
        return self.finished / self.asked if self.asked else 0.0


NO_BATCH = Batch()


class EvaluationTime:
    """Follows one evaluation after another.

    Attributes:
        batch: the evaluation that runs; empty while none does.
        episode_s: seconds per episode as last seen; None before the first.
    """

    def __init__(self) -> None:
        self.batch = NO_BATCH
        self.episode_s: float | None = None
        self._began_s = self._changed_s = 0.0

    def update(self, now_s: float, batch: Batch) -> None:
        """Take in how far it is now."""
        if not self.batch.asked or batch.finished < self.batch.finished:
            self._began_s = self._changed_s = now_s
        if batch.finished > self.batch.finished:
            self._changed_s = now_s
            self.episode_s = (now_s - self._began_s) / batch.finished
        self.batch = batch

    def end(self) -> None:
        """None runs any more."""
        self.batch = NO_BATCH

    def left_s(self, now_s: float) -> float | None:
        """Of the one that runs; None while no episode of any has ended."""
        if self.episode_s is None:
            return None
        rest_s = (self.batch.asked - self.batch.finished) * self.episode_s
        return max(0.0, rest_s - (now_s - self._changed_s))


@dataclass(frozen=True)
class View:
    """A snapshot for whoever shows it.

    Attributes:
        doing: what the run is doing, in words.
        samples_wanted: the budget.
        episodes: training episodes so far.
        recent_success: over the last RECENT_EPISODES training episodes; None before the first.
        recent_return: likewise.
        point: the last evaluation; None before the first.
        elapsed_s: of this session.
        remaining_s: estimate; None while there is nothing to go by.
        evaluation: the evaluation that runs; empty while none does.
    """

    doing: str
    samples_wanted: int
    episodes: int
    recent_success: float | None
    recent_return: float | None
    point: CurvePoint | None
    controller: GetStatusResponse
    trainer: TrainerStatus
    elapsed_s: float
    remaining_s: float | None
    evaluation: Batch = NO_BATCH


class Display(Protocol):
    """Where a run is shown; `period_s` says how often."""

    period_s: float

    def show(self, view: View) -> None:
        """Show a view."""
        ...

    def acknowledge_stop(self) -> None:
        """Say at once what a first Ctrl-C does and what a second one would; any thread may."""
        ...


class Observer:
    """Gathers what a view shows and hands it on, at most once in `period_s`.

    Args:
        samples_wanted: the budget.
        final_episodes: of the evaluation at the end, which takes its time too.
        now_s: a clock that only goes forward, s.
    """

    def __init__(
        self,
        samples_wanted: int,
        show: Callable[[View], None],
        period_s: float,
        final_episodes: int = 0,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._samples_wanted = samples_wanted
        self._final_episodes = final_episodes
        self._evaluation = EvaluationTime()
        self._show = show
        self._period_s = period_s
        self._now_s = now_s
        self._started = self._due = now_s()
        self._recent: deque[tuple[bool, float]] = deque(maxlen=RECENT_EPISODES)
        self._marks: deque[tuple[float, int]] = deque(maxlen=RATE_WINDOW)
        self.doing = "starting"
        self.episodes = 0
        self.running = 0  # finished training episodes of the batch that runs
        self.samples = 0  # that the trainer had when it was asked last
        self.point: CurvePoint | None = None

    @property
    def elapsed_s(self) -> float:
        return self._now_s() - self._started

    def recall(self, episodes: Sequence[Any]) -> None:
        """Take in the last training episodes, oldest first, in place of what is known."""
        self._recent.clear()
        self.train_episodes(episodes)

    def train_episodes(self, episodes: Sequence[Any]) -> None:
        """Take in finished training episodes."""
        self._recent.extend((e.success, e.episode_return) for e in episodes)

    def evaluation(self, batch: Batch) -> None:
        """Take in how far the evaluation is that runs."""
        self._evaluation.update(self.elapsed_s, batch)

    def evaluated(self) -> None:
        """No evaluation runs any more."""
        self._evaluation.end()

    def mark(self, samples: int) -> None:
        """Note that so many samples are learned from by now; the remaining time follows."""
        self._marks.append((self.elapsed_s, samples))

    def hurry(self) -> None:
        """Have the next view shown at once."""
        self._due = self._now_s()

    def offer(
        self,
        controller: Callable[[], GetStatusResponse],
        trainer: Callable[[], TrainerStatus],
    ) -> None:
        """Show a view if one is due; asks for the statuses only then."""
        now = self._now_s()
        if now < self._due:
            return
        self._due = now + self._period_s
        self._show(self._view(controller(), trainer()))

    def _view(self, controller: GetStatusResponse, trainer: TrainerStatus) -> View:
        self.samples = trainer.train_rows_stored
        successes = [success for success, _ in self._recent]
        returns = [value for _, value in self._recent]
        return View(
            doing=self.doing,
            samples_wanted=self._samples_wanted,
            episodes=self.episodes + self.running,
            recent_success=_mean(successes),
            recent_return=_mean(returns),
            point=self.point,
            controller=controller,
            trainer=trainer,
            elapsed_s=self.elapsed_s,
            remaining_s=self._remaining_s(trainer.train_rows_stored),
            evaluation=self._evaluation.batch,
        )

    def _remaining_s(self, samples: int) -> float | None:
        """Of learning, and of the final evaluation as far as its pace is known."""
        evaluation = self._evaluation
        if samples >= self._samples_wanted and evaluation.batch.asked:
            return evaluation.left_s(self.elapsed_s)
        final_s = self._final_episodes * (evaluation.episode_s or 0.0)
        if self._marks and self._marks[-1][1] >= self._samples_wanted:
            return final_s or None
        learning_s = self._learning_s()
        return None if learning_s is None else learning_s + final_s

    def _learning_s(self) -> float | None:
        """None while there is nothing to go by, or when it takes longer than it ever has."""
        if len(self._marks) < 2:
            return None
        (began, first), (ended, last) = self._marks[0], self._marks[-1]
        if last <= first:
            return None
        pace = (ended - began) / (last - first)
        left = (self._samples_wanted - last) * pace - (self.elapsed_s - ended)
        return left if left > 0 else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
