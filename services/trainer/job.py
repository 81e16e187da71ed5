"""One refit on its way: the operation that clients see and what the learner is told."""

import time
from dataclasses import dataclass, field

from protos import trainer_pb2
from services.operations import OperationHandle
from services.trainer.messages import Advanced


@dataclass
class Job:
    """A refit that waits or runs.

    Attributes:
        rows: training rows it will use; None means all there are when it starts.
        number: of the attempt; 0 until it was started.
        refit: which refit it is; 0 until it was started.
        phase: WAITING, REFIT, IMPROVE or PUBLISH.
        fraction: of the phase.
    """

    handle: OperationHandle
    rows: int | None
    number: int = 0
    refit: int = 0
    phase: str = "WAITING"
    fraction: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    def start(self, number: int, refit: int, rows: int) -> None:
        """It is given to the learner, for the first time or again."""
        self.number, self.refit, self.rows = number, refit, rows
        self.phase, self.fraction = "REFIT", 0.0
        self._started = time.monotonic()
        self.handle.set_metadata(trainer_pb2.RefitMetadata(refit=refit, phase=self.phase))

    def advance(self, report: Advanced) -> None:
        """The learner says how far it is."""
        self.phase, self.fraction = report.phase, report.fraction
        self.handle.set_metadata(self._metadata(report))

    def _metadata(self, report: Advanced) -> trainer_pb2.RefitMetadata:
        spent = time.monotonic() - self._started
        left = spent * (1.0 - report.overall) / report.overall if report.overall > 0 else 0.0
        values = report.values
        return trainer_pb2.RefitMetadata(
            refit=self.refit,
            phase=report.phase,
            fraction=report.overall,
            epoch=int(values.get("epoch", 0)),
            epochs=int(values.get("epochs", 0)),
            improve_step=int(values.get("improve_step", 0)),
            improve_steps=int(values.get("improve_steps", 0)),
            model_loss=values.get("model_loss", 0.0),
            eta_s=left,
        )
