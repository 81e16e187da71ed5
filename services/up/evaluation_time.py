"""How far an evaluation is and how long it still takes, from how long its episodes took."""

from dataclasses import dataclass


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
