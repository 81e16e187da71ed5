"""A probabilistic ensemble as the model player of MBPO, MAAC and DDPPO: its fit to a replay."""

from collections.abc import Callable

import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.model_data import DataSettings, transition_data
from mbctl.data.replay import Replay
from mbctl.models.fit import TransitionData
from mbctl.models.fit_probabilistic import Penalty, ProbabilisticFitter

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
    model, device = fitter.model, fitter.model.input_shift.device
    data = transition_data(model.task, replay, settings, device=device)
    images = model.task.symmetries if settings.symmetry else 1
    reward = None
    if model.learned_reward:
        column = replay.rows[:, replay.layout.reward].copy()
        reward = torch.from_numpy(column).to(device).repeat(images)

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
