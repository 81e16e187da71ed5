"""From settings to a planner for a task."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.mean_ensemble import MeanEnsemble
from mbctl.planners.cem import Cem
from mbctl.planners.dealt_model import DealtModel
from mbctl.planners.dynamics import Dynamics
from mbctl.planners.icem import Icem
from mbctl.planners.mppi import Mppi
from mbctl.planners.objective import Objective, SequenceObjective, TerminalValue
from mbctl.planners.proposal import ActionPrior, PolicyProposal
from mbctl.planners.search import SamplingPlanner, SearchMethod, Sizes
from mbctl.planners.settings import CemSettings, IcemSettings, MppiSettings
from mbctl.planners.shared_objective import SharedObjective
from mbctl.tasks.task import Task


def build_planner(
    task: Task,
    model: Dynamics,
    settings: CemSettings | IcemSettings | MppiSettings,
    seed: int,
    prior: ActionPrior | None = None,
    terminal_value: TerminalValue | None = None,
    now_ns: Callable[[], int] = time.monotonic_ns,
    threads: int = 1,
) -> SamplingPlanner:
    """The planner that `settings` name; all its draws come from one generator with this seed.

    Args:
        threads: that share the scoring of sequences.

    Raises:
        ValueError: a setting needs what was not given.
    """
    if settings.prior_std and prior is None:
        raise ValueError("prior_std is on, but there is no policy to take it from; set it to false")
    generator = torch.Generator().manual_seed(seed)
    proposal = None
    if prior is not None and settings.proposals:
        proposal = PolicyProposal(task, model, prior, settings.proposals, generator)
    sizes = Sizes(len(task.physical_names), len(task.robot.joints), len(task.goal_names))
    method = _method(settings, generator)
    scale = _state_scale(model) if settings.disagreement == "state" else None

    def objective_in(asked: Dynamics) -> Objective:
        objective = _objective(task, asked, settings, scale, terminal_value)
        if threads == 1:
            return objective
        return SharedObjective(objective, threads, model.members)

    dealt = settings.members_per_sequence
    screen = objective_in(DealtModel(model, dealt)) if dealt else None
    objective = objective_in(model)
    return SamplingPlanner(sizes, objective, method, proposal, settings, now_ns, generator, screen)


def _objective(
    task: Task,
    model: Dynamics,
    settings: CemSettings | IcemSettings | MppiSettings,
    state_scale: Callable[[], Tensor] | None,
    terminal_value: TerminalValue | None,
) -> SequenceObjective:
    return SequenceObjective(
        task,
        model,
        task.objective if settings.reward == "objective" else task.reward,
        settings.gamma,
        settings.disagreement_weight,
        state_scale,
        terminal_value,
    )


def _state_scale(model: Dynamics) -> Callable[[], Tensor]:
    if not isinstance(model, DeterministicEnsemble | MeanEnsemble):
        raise ValueError(
            f"disagreement is 'state', but {type(model).__name__} does not know how far a step "
            "goes; use 'return'"
        )
    return lambda: model.statistics.difference_scale


def _method(
    settings: CemSettings | IcemSettings | MppiSettings, generator: torch.Generator
) -> SearchMethod:
    match settings:
        case CemSettings():
            return Cem(settings, generator)
        case IcemSettings():
            return Icem(settings, generator)
        case MppiSettings():
            return Mppi(settings, generator)
