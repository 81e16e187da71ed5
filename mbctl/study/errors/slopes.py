"""Do models that predict well have the right derivatives? With DDPPO's gradient loss, and without.

Li et al. 2022, section 5.2 (figure 2): models are fitted to what a random policy meets, and their
values and derivatives are compared with the truth on other rows of that policy. The truth is a
task's closed form, or finite differences of its simulator.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.model_error import known_unit, moving_columns
from mbctl.algorithms.registry import build_algorithm
from mbctl.config import ConfigError
from mbctl.data.replay import Replay
from mbctl.episodes.actor import Actor
from mbctl.episodes.collect import Collector
from mbctl.episodes.episode import Episode
from mbctl.models.analytic import AnalyticDynamics
from mbctl.models.gradient_error import gradient_error
from mbctl.models.prediction_error import StepFunction, elite_mean, prediction_error
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.manifest import row_layout
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.task import Task
from sim.environments import make_environment
from sim.gym_step import GymStep

WITH, WITHOUT = "with gradient loss", "without gradient loss"
_TEST_SEED = 1000  # beyond those of training rows
_TINY = 1e-6
_NO_TRUTH = (
    "its true step from any state is not known, as that of gym/Pendulum-v1 and "
    "gym/InvertedPendulum-v5 is"
)


@dataclass(frozen=True)
class SlopeSizes:
    """How much of everything.

    Attributes:
        rows: numbers of rows after which models are refitted and measured.
        test_rows: that they are measured on.
        settings: of DDPPO; the gradient weight is for the fit that has one.
    """

    rows: tuple[int, ...] = (250, 500, 1000, 2000)
    test_rows: int = 200
    settings: Mapping[str, Any] = field(
        default_factory=lambda: {
            "gradient_weight": 10.0,
            "neighbours": 10,
            "model_patience_steps": 100,
            "model_warm_up": 100,
            "model_steps_max": 1500,
        }
    )


_SMALL = {"model_hidden": (32, 32, 32, 32), "members": 3, "elites": 2, "neighbours": 5}
QUICK = SlopeSizes(rows=(100, 200), test_rows=40, settings={**_SMALL, "gradient_weight": 1.0})


@dataclass(frozen=True)
class SlopeError:
    """Squared errors of one model, means over the test rows.

    Attributes:
        loss: WITH or WITHOUT.
        prediction: in units of the real steps' standard deviation; 1 is no better than the mean.
        gradient: of the next state by state and action, all in units of the states' deviation; the
            robot's limits for actions.
    """

    task: str
    seed: int
    rows: int
    loss: str
    prediction: float
    gradient: float


def measure_slopes(task: Task, seed: int, sizes: SlopeSizes) -> Iterator[SlopeError]:
    """Both fits at each number of rows.

    Raises:
        ConfigError: there is no true step for this task.
    """
    truth = true_step(task)
    rows, steps = _random_rows(task, seed, max(sizes.rows))
    test, _ = _random_rows(task, _TEST_SEED + seed, sizes.test_rows)
    settings = dict(sizes.settings)
    for loss, weight in ((WITH, {}), (WITHOUT, {"gradient_weight": 0.0})):
        learner = build_algorithm("ddppo", {**settings, **weight}, task, seed)
        model = getattr(learner, "gradient_model")  # noqa: B009 - no other algorithm has it
        assert isinstance(model, ProbabilisticEnsemble)
        replay = Replay(row_layout(task), None)
        for count in sizes.rows:
            begin = replay.total
            replay.append(rows[begin:count], steps[begin:count])
            learner.refit(replay, lambda *_: None)
            prediction, gradient = _errors(task, model, truth, test)
            yield SlopeError(task.name, seed, count, loss, prediction, gradient)


def true_step(task: Task) -> StepFunction:
    """The task's own closed form, or its simulator's step.

    Raises:
        ConfigError: it has neither.
    """
    if isinstance(task, AnalyticDynamics):
        return task.step
    if not isinstance(task, GymTask):
        raise ConfigError(f"--slope-task {task.name!r}: {_NO_TRUTH}")
    try:
        simulator = GymStep(task)
    except ValueError as error:
        raise ConfigError(f"--slope-task {task.name!r}: {_NO_TRUTH}: {error}") from error

    def step(physical: Tensor, action: Tensor) -> Tensor:
        return torch.from_numpy(simulator(physical.numpy(), action.numpy()))

    return step


def _errors(
    task: Task, model: ProbabilisticEnsemble, truth: StepFunction, rows: np.ndarray
) -> tuple[float, float]:
    layout = row_layout(task)
    tensor = torch.from_numpy(rows)
    before = task.physical(tensor[:, layout.observation])
    after = task.physical(tensor[:, layout.next_observation])
    difference = task.physical_difference
    steps, action = difference(after, before), tensor[:, layout.action]
    moves = moving_columns(steps, known_unit(model))
    # What is at rest has no unit to measure by: infinite ones leave it out of a mean over columns.
    moved, scale = (torch.where(moves, v.std(dim=0) + _TINY, torch.inf) for v in (steps, before))
    share = float(moves.float().mean())
    learned, exact = _single(elite_mean(model)), _double(truth)
    rows64 = before.double(), action.double()
    prediction = prediction_error(learned, exact, *rows64, moved.double(), difference)
    along = torch.diag(torch.cat([scale, torch.ones(action.shape[-1])])).double()
    along = along[torch.cat([moves, torch.ones(action.shape[-1], dtype=torch.bool)])]
    gradient = gradient_error(learned, exact, *rows64, scale.double(), along, difference=difference)
    told = float(prediction.mean()) / share, float(gradient.mean()) / share
    assert all(math.isfinite(value) for value in told), told
    return told


def _single(step: StepFunction) -> StepFunction:
    """A float32 model for float64 rows."""
    return lambda physical, action: step(physical.float(), action.float()).double()


def _double(step: StepFunction) -> StepFunction:
    return lambda physical, action: step(physical.double(), action.double())


class _Uniform(Actor):
    """Acts at random."""

    def __init__(self, actions: int) -> None:
        self._actions = actions

    def act(self, episode: Episode) -> np.ndarray:
        assert episode.noise is not None  # it only collects
        return episode.noise.uniform(-1.0, 1.0, self._actions)


def _random_rows(task: Task, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    environment = make_environment(task)
    try:
        collector = Collector(environment, seed)
        return collector.collect(_Uniform(len(task.robot.joints)), count)
    finally:
        environment.close()
