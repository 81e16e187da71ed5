"""How far learning may go with the rows there are: the schedule and the limit on samples."""

from collections.abc import Callable

import grpc

from mbctl.algorithms.schedule import Schedule, samples_of, samples_per_insert
from services.errors import ServiceError, refusal
from services.trainer.versions import Versions


class Pace:
    """Tells when a refit is due and whether one more is allowed.

    Args:
        train_rows: tells how many training rows are durable now.
        samples_limit: samples per insert beyond which no refit is started.

    Attributes:
        schedule: None until the learner has said what it is.
    """

    def __init__(
        self, versions: Versions, train_rows: Callable[[], int], samples_limit: float
    ) -> None:
        self._versions = versions
        self.train_rows = train_rows
        self.samples_limit = samples_limit
        self.schedule: Schedule | None = None

    @property
    def samples(self) -> float:
        """Rows drawn by all finished refits."""
        return sum(samples_of(entry.train_rows, entry.metrics) for entry in self._versions.refits)

    def next_rows(self, rows_used: int) -> int:
        """Training rows at which the next scheduled refit starts; 0 while unknown."""
        return self.schedule.next_rows(rows_used) if self.schedule else 0

    def samples_after(self, rows: int) -> float:
        """Samples per insert after refits that draw `rows` more rows in all."""
        return samples_per_insert(self.samples + rows, self.train_rows())

    def allows(self, rows: int) -> bool:
        """Whether refits may draw `rows` more rows in all."""
        return self.samples_after(rows) <= self.samples_limit

    def check(self, pending_rows: int) -> None:
        """Whether a refit on all rows may be queued behind others that draw `pending_rows`.

        Raises:
            ServiceError: LEARNER_STARTING, NOT_ENOUGH_ROWS or SAMPLES_PER_INSERT.
        """
        rows = self.train_rows()
        if self.schedule is None:
            message = "the learner process is starting; try again in a few seconds"
            raise ServiceError(grpc.StatusCode.UNAVAILABLE, "LEARNER_STARTING", message)
        if rows < self.schedule.initial_rows:
            message = (
                f"{rows} training rows are stored, the first refit needs "
                f"{self.schedule.initial_rows}"
            )
            raise refusal("NOT_ENOUGH_ROWS", message, [("train_rows_stored", message)])
        if not self.allows(pending_rows + rows):
            raise refusal(
                "SAMPLES_PER_INSERT",
                f"another refit would draw {self.samples_after(pending_rows + rows):.3g} samples "
                f"per stored row, the limit is {self.samples_limit:.3g}; "
                "let the robot run for more rows",
            )
