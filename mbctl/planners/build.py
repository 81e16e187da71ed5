"""From settings to a planner for a task."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.mean_ensemble import MeanEnsemble
from mbctl.planners.cem import Cem
from mbctl.planners.dynamics import Dynamics
from mbctl.planners.icem import Icem
from mbctl.planners.mppi import Mppi
from mbctl.planners.objective import SequenceObjective, TerminalValue
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
    objective = _objective(task, model, settings, terminal_value)
    shared = objective if threads == 1 else SharedObjective(objective, threads)
    return SamplingPlanner(sizes, shared, method, proposal, settings, now_ns, generator)


def _objective(
    task: Task,
    model: Dynamics,
    settings: CemSettings | IcemSettings | MppiSettings,
    terminal_value: TerminalValue | None,
) -> SequenceObjective:
    return SequenceObjective(
        task,
        model,
        task.objective if settings.reward == "objective" else task.reward,
        settings.gamma,
        settings.disagreement_weight,
        _state_scale(model) if settings.disagreement == "state" else None,
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
