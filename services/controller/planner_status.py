"""Planner and plans as the status says them, with the warnings that follow from them."""

from collections.abc import Iterator

from protos import controller_pb2
from services.controller.planner.host import PlannerState
from services.ipc.state_board import PlannerOnBoard

LATE_RATE_WARNED = 0.2
STEPS_WARNED = 20  # fewer tell nothing of a rate


def add_planner(
    status: controller_pb2.GetStatusResponse, state: PlannerState, plans: PlannerOnBoard
) -> None:
    """Fill in `planner`, and add its warnings to those of the robot's health."""
    if not (state.is_wanted or plans.planned):
        return
    status.planner.CopyFrom(
        controller_pb2.PlannerStatus(
            alive=state.is_alive,
            policy_version=state.version,
            steps=plans.steps,
            late_steps=plans.late,
            fallback_steps=plans.fallbacks,
            late_rate=plans.late_rate,
            plan_age_s=plans.age_s,
            planning_s=plans.took_s,
            value=plans.value,
            disagreement=plans.disagreement,
            restarts=state.restarts,
            error=state.error or plans.error,
        )
    )
    status.health.warnings.extend(_warnings(state, plans))


def _warnings(state: PlannerState, plans: PlannerOnBoard) -> Iterator[str]:
    if state.error and not state.is_alive:
        yield f"PLANNER_GONE: {state.error}; the policy acts alone, it is started again by itself"
    elif plans.error:
        yield f"NO_PLAN: {plans.error}"
    if plans.steps >= STEPS_WARNED and plans.late_rate > LATE_RATE_WARNED:
        yield (
            f"PLANS_LATE: {100 * plans.late_rate:.0f} % of the last plans came late; a smaller "
            "population or horizon, or fewer iterations, plan faster"
        )
