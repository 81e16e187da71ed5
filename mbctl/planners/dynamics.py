"""What planners ask of a model and of a task: little enough for any ensemble and any task."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

Array = Any


@runtime_checkable
class Dynamics(Protocol):
    """An ensemble of dynamics models.

    `predict` has to give the same answer to the same rows. A model that samples its noise would
    have sequences kept for their luck; planners therefore ask for means.
    """

    @property
    def members(self) -> int:
        """E."""
        ...

    def predict(self, physical: Tensor, action: Tensor) -> Tensor:
        """Next physical states [E, B, P] for states [E, B, P] and applied actions [E, B, A]."""
        ...


@runtime_checkable
class PlanningTask(Protocol):
    """The part of `mbctl.tasks.task.Task` that planners use."""

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array: ...

    def applied_action(self, physical: Array, action: Array) -> Array: ...

    def action_cost(self, applied_action: Array) -> Array: ...

    def terminated(self, physical: Array) -> Array: ...
