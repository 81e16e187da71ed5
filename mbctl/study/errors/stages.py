"""The look-ahead errors of learners as they were at stages of their runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mbctl.algorithms.algorithm import Algorithm, snapshot_of
from mbctl.algorithms.registry import build_algorithm
from mbctl.config import ConfigError
from mbctl.episodes.actor import PolicyActor
from mbctl.planners.dynamics import Dynamics
from mbctl.policies.manifest import row_layout
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.torch_policy import torch_policy
from mbctl.study.curves.environments import environments
from mbctl.study.curves.plan import RunPlan
from mbctl.study.curves.run_files import RunFiles
from mbctl.study.errors.look_ahead import MODES, look_ahead, real_episodes
from mbctl.tasks.registry import make_task

VALVE = "valve_position_rad"
_EPISODES_FROM = 100_000  # a seed's evaluations have used the indices below


@dataclass(frozen=True)
class StageError:
    """One mode at one stage of one run.

    Attributes:
        column: name of the physical column that `of_column` is about.
        of_column: [T] mean absolute error after 1..T steps.
        of_state: [T] root mean square over columns in units of their deviation.
    """

    task: str
    variant: str
    seed: int
    samples: int
    mode: str
    column: str
    of_column: tuple[float, ...]
    of_state: tuple[float, ...]


def stages(plan: RunPlan) -> list[int]:
    """The samples at which a run's learner is kept and has a model."""
    rhythm = plan.rhythm
    return [*range(rhythm.evaluate_every, rhythm.samples, rhythm.evaluate_every), rhythm.samples]


def measure_stages(plan: RunPlan, out: Path, episodes: int) -> list[StageError]:
    """Both modes at each stage of a finished run.

    Args:
        out: holds the runs.
        episodes: real ones, of the mean policy, for each stage.

    Raises:
        ConfigError: the algorithm has no model that can be asked.
        RunFilesError: a stage was not kept.
    """
    identity = plan.identity
    task = make_task(identity.task, identity.observation)
    files = RunFiles(out / plan.directory, row_layout(task).width)
    names = task.physical_names
    column = names.index(VALVE) if VALVE in names else 0
    world, other = environments(task)
    found: list[StageError] = []
    try:
        for samples in stages(plan):
            learner = build_algorithm(identity.algorithm, identity.settings, task, identity.seed)
            learner.load_state(files.load_stage(samples))
            snapshot = snapshot_of(learner, task, identity.algorithm, 1)
            seed = _EPISODES_FROM + identity.seed
            real = real_episodes(world, PolicyActor(NumpyPolicy(snapshot)), seed, episodes)
            for mode in MODES:
                model, policy = model_of(learner), torch_policy(snapshot)
                errors = look_ahead(task, model, policy, real, mode, column)
                of_column, of_state = errors.column.tolist(), errors.state.tolist()
                where = identity.task, plan.variant, identity.seed, samples, mode, names[column]
                found.append(StageError(*where, tuple(of_column), tuple(of_state)))
    finally:
        world.close()
        other.close()
    return found


def model_of(learner: Algorithm) -> Dynamics:
    """What a learner imagines in.

    Raises:
        ConfigError: it has no model.
    """
    for name in ("model", "predictor"):
        model = getattr(learner, name, None)
        if isinstance(model, Dynamics):
            return model
    raise ConfigError(f"{type(learner).__name__} has no dynamics model to be measured")


def check_models(plans: Sequence[RunPlan]) -> None:
    """Make sure that every algorithm has a model, before hours of learning.

    Raises:
        ConfigError: one has none.
    """
    for plan in {plan.variant: plan for plan in plans}.values():
        identity = plan.identity
        task = make_task(identity.task, identity.observation)
        model_of(build_algorithm(identity.algorithm, identity.settings, task, 0))
