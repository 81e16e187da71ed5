"""What every algorithm is: one move of the model player, one of the policy player."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from mbctl.algorithms.settings import AlgorithmSettings
from mbctl.data.replay import Replay
from mbctl.policies.manifest import PolicyArchitecture
from mbctl.policies.snapshot import Snapshot, build_snapshot
from mbctl.tasks.task import Task

if TYPE_CHECKING:  # any process may know what an algorithm is
    from torch import Tensor

Metrics = dict[str, float]
# Told (phase, fraction done of the phase, numbers so far); raises Cancelled to stop the move.
Progress = Callable[[str, float, Metrics], None]

REPORT_EVERY = 10  # gradient steps; a number for a report costs a wait for its computation


class Cancelled(Exception):  # noqa: N818 - a request that was honoured, not an error
    """Raised out of a progress callback to stop a refit; the algorithm may be rolled back."""


@runtime_checkable
class Algorithm(Protocol):
    """One learner. `refit` and `improve` may raise what their progress callback raises."""

    @property
    def settings(self) -> AlgorithmSettings:
        """The algorithm's own, of which its caller needs these."""
        ...

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """The model player's move: fit the dynamics model to the replay."""
        ...

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """The policy player's move: improve the policy under the model."""
        ...

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What the robot runs: the policy's architecture and its float32 weights by name."""
        ...

    def state(self) -> "dict[str, Tensor]":
        """Everything that the next move depends on, as named tensors."""
        ...

    def load_state(self, state: "dict[str, Tensor]") -> None:
        """Go on exactly where `state` was taken.

        Raises:
            ValueError: a tensor is missing or has another shape.
        """
        ...


def snapshot_of(
    algorithm: Algorithm, task: Task, name: str, version: int, **facts: Any
) -> Snapshot:
    """What a robot runs of a learner as it is now.

    Args:
        name: the algorithm's.
        facts: what else the manifest is to say; see `build_snapshot`.
    """
    described, weights = algorithm.snapshot()
    architecture = PolicyArchitecture.model_validate(described)
    return build_snapshot(
        task, weights, version=version, algorithm=name, architecture=architecture, **facts
    )
