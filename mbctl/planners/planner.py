"""What a planner is, and the plan that it makes; without torch, for those who only read plans."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from hal.errors import ReasonedError

Vector = Any  # a NumPy array or a list of numbers


class PlanError(ReasonedError, ArithmeticError):
    """No sequence has a finite value in the model, so none may be preferred."""

    reason = "PLAN_FAILED"


@dataclass(frozen=True)
class Plan:
    """What to do from now on.

    Attributes:
        actions: [H, A] float32 as requested of the robot, within [-1, 1]; row 0 is for now.
        value: what the planner maximises, of these actions in the model.
        mean_return: their value without the term for disagreement.
        disagreement: how far the members of the ensemble differ about them.
        prior_value: value of the best noise-free rollout of the policy; None without a policy.
        iterations: finished rounds of search; 0 when time was up after the first candidates.
        candidates: sequences scored.
    """

    actions: np.ndarray
    value: float
    mean_return: float
    disagreement: float
    prior_value: float | None
    iterations: int
    candidates: int


@runtime_checkable
class Planner(Protocol):
    """Plans from a state to a goal; remembers its last plan and starts from there."""

    @property
    def horizon(self) -> int:
        """H, steps of a plan."""
        ...

    def plan(
        self,
        physical: Vector,
        last_action: Vector,
        goal: Vector,
        deadline_ns: int | None = None,
        steps: int = 1,
    ) -> Plan:
        """The best actions found until `deadline_ns` (CLOCK_MONOTONIC; None: no deadline).

        Args:
            physical: [P], where the robot is.
            last_action: [A], as requested and clipped.
            goal: [G].
            deadline_ns: checked between rounds of search; the first candidates, among them the
                policy's mean rollout and the last plan, are scored even if it has passed.
            steps: control steps since the last plan was made; the last plan is shifted by these.

        Raises:
            ValueError: an argument has the wrong length or is not finite.
            PlanError: every candidate leaves what the model can tell.
        """
        ...

    def restart(self, seed: int | None = None) -> None:
        """Forget the last plan: another episode begins, with draws of its own if `seed` is given.

        Raises:
            ValueError: it cannot be seeded.
        """
        ...
