"""A probabilistic ensemble as the model player of MBPO, MAAC and DDPPO: its fit, its checkpoint."""

from collections.abc import Callable

import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.checkpoint import (
    State,
    adam_state,
    copies,
    load_adam_state,
    part,
    require_same_shapes,
)
from mbctl.algorithms.model_data import DataSettings, transition_data
from mbctl.data.replay import Replay
from mbctl.models.fit import TransitionData
from mbctl.models.fit_probabilistic import Penalty, ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble

PenaltyOf = Callable[[TransitionData, Tensor | None], Penalty]
"""Makes, of the training tuples and their rewards, the further loss that a fit takes."""


def fit_to_replay(
    fitter: ProbabilisticFitter,
    replay: Replay,
    settings: DataSettings,
    progress: Progress,
    penalty_of: PenaltyOf | None = None,
) -> Metrics:
    """Fit to all rows that the replay keeps.

    Args:
        settings: weights of rows and images under the task's symmetry group.
        penalty_of: see `PenaltyOf`; None for the likelihood alone.

    Returns:
        model_loss, model_score, model_epochs, and as model_samples the rows drawn per member.
    """
    model = fitter.model
    data = transition_data(model.task, replay, settings)
    images = model.task.symmetries if settings.symmetry else 1
    reward = None
    if model.learned_reward:
        column = replay.rows[:, replay.layout.reward].copy()
        reward = torch.from_numpy(column).repeat(images)

    def report(done: float, loss: float) -> None:
        progress("REFIT", done, {"model_loss": loss})

    penalty = None if penalty_of is None else penalty_of(data, reward)
    found = fitter.fit(data, reward, report, images=images, penalty=penalty)
    return {
        "model_loss": found.loss,
        "model_score": found.score,
        "model_epochs": float(found.epochs),
        "model_samples": float(found.steps * fitter.settings.model_batch),
    }


def probabilistic_state(fitter: ProbabilisticFitter, prefix: str) -> State:
    """Named copies, under names that begin with `prefix`, of weights, units, elites and moments."""
    state = {**_tensors(fitter.model), **_flags(fitter.model)}
    state |= {f"adam.{k}": v for k, v in adam_state(fitter.optimizer).items()}
    return {f"{prefix}{name}": value for name, value in copies(state).items()}


def load_probabilistic(fitter: ProbabilisticFitter, state: State, prefix: str) -> None:
    """Put back what `probabilistic_state` took.

    Raises:
        ValueError: a tensor is missing or has another shape than this learner's settings give.
    """
    model = fitter.model
    expected = {**_tensors(model), **_flags(model)}
    require_same_shapes({f"{prefix}{k}": v for k, v in expected.items()}, state)
    found = part(state, prefix)
    with torch.no_grad():
        for name, tensor in _tensors(model).items():
            tensor.copy_(found[name])
    model.elites = tuple(found["elites"].tolist())
    model.fitted = bool(found["fitted"][0])
    load_adam_state(fitter.optimizer, part(found, "adam."))


def _tensors(model: ProbabilisticEnsemble) -> State:
    """The tensors themselves."""
    tensors = {f"network.{k}": v for k, v in model.network.state_dict().items()}
    tensors["max_log_variance"] = model.max_log_variance
    tensors["min_log_variance"] = model.min_log_variance
    for name in ("input_shift", "input_scale", "target_shift", "target_scale"):
        tensors[f"statistics.{name}"] = getattr(model.statistics, name)
    return tensors


def _flags(model: ProbabilisticEnsemble) -> State:
    """What is no tensor in the model."""
    return {"elites": torch.tensor(model.elites), "fitted": torch.tensor([model.fitted])}
