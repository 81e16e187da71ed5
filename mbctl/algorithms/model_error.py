"""How well the model foretells rows it has not been fitted to: one step, and open loop."""

import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.tasks.task import Task

Ensemble = DeterministicEnsemble | ProbabilisticEnsemble


@torch.no_grad()
def model_errors(task: Task, model: Ensemble, replay: Replay, unseen: int) -> Metrics:
    """Root mean square errors over the newest `unseen` rows, averaged over members.

    One step: in units of the differences' standard deviation over these rows (1 is no better than
    foretelling the mean change). Open loop: at the end of whole episodes, along their recorded
    actions, in units of the physical columns' standard deviation.
    """
    unseen = min(unseen, len(replay))
    if unseen < 2:
        return {}
    layout = replay.layout
    rows = torch.from_numpy(replay.rows[-unseen:])
    before = task.physical(rows[:, layout.observation])
    after = task.physical(rows[:, layout.next_observation])
    action = rows[:, layout.action]
    difference = task.physical_difference(after, before)
    foretold = model.predict(_spread(before, model), _spread(action, model))
    error = task.physical_difference(foretold, _spread(after, model))
    if isinstance(model, DeterministicEnsemble) and model.fitted:
        model.note_residual(error.flatten(0, 1))
    metrics = {"model_error_one_step": _relative(error, difference.std(dim=0))}
    whole = _whole_episodes(replay, unseen, task.episode_steps)
    if whole is not None:
        metrics["model_error_open_loop"] = _open_loop(
            task, model, before[whole], action[whole], after[whole[:, -1]], before.std(dim=0)
        )
    return metrics


def _open_loop(
    task: Task,
    model: Ensemble,
    before: Tensor,
    action: Tensor,
    last: Tensor,
    scale: Tensor,
) -> float:
    state = _spread(before[:, 0], model)
    for t in range(action.shape[1]):
        state = model.predict(state, _spread(action[:, t], model))
    return _relative(task.physical_difference(state, _spread(last, model)), scale)


def _spread(values: Tensor, model: Ensemble) -> Tensor:
    return values.expand(model.members, *values.shape)


def _relative(error: Tensor, scale: Tensor) -> float:
    return float((error / (scale + 1e-6)).square().mean().sqrt())


def _whole_episodes(replay: Replay, unseen: int, length: int) -> Tensor | None:
    """Row numbers [M, length], within the newest `unseen` rows, of uncut full-length episodes."""
    steps = torch.from_numpy(replay.steps[-unseen:].copy())
    starts = torch.nonzero(steps == 0)[:, 0]
    starts = starts[starts + length <= unseen]
    if len(starts) == 0:
        return None
    index = starts[:, None] + torch.arange(length)
    whole = (steps[index] == torch.arange(length)).all(dim=1)
    return index[whole] if bool(whole.any()) else None
