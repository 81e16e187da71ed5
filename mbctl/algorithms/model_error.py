"""How well the model foretells rows it has not been fitted to: one step, and open loop."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics
from mbctl.algorithms.model_data import replay_rows
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.tasks.task import Task

REST = 0.1  # of the largest share: what moves less, in its unit, is at rest

Ensemble = DeterministicEnsemble | ProbabilisticEnsemble


@torch.no_grad()
def model_errors(task: Task, model: Ensemble, replay: Replay, unseen: int) -> Metrics:
    """Root mean square errors over the newest `unseen` rows, averaged over members.

    One step: in units of the differences' standard deviation over these rows (1 is no better than
    foretelling the mean change). Open loop: at the end of whole episodes, along their recorded
    actions, in units of the physical columns' standard deviation. Columns at rest are left out, for
    they have no such unit; where all are, there is no error.
    """
    unseen = min(unseen, len(replay))
    if unseen < 2:
        return {}
    layout = replay.layout
    rows = replay_rows(replay, model.input_shift.device, unseen)
    before = task.physical(rows[:, layout.observation])
    after = task.physical(rows[:, layout.next_observation])
    action = rows[:, layout.action]
    difference = task.physical_difference(after, before)
    foretold = model.predict(_spread(before, model), _spread(action, model))
    error = task.physical_difference(foretold, _spread(after, model))
    if isinstance(model, DeterministicEnsemble) and model.fitted:
        model.note_residual(error.flatten(0, 1))
    moves = moving_columns(difference, known_unit(model))
    if not bool(moves.any()):
        return {}
    metrics = {"model_error_one_step": relative_error(error, difference, moves)}
    whole = _whole_episodes(replay, unseen, task.episode_steps)
    if whole is not None:
        whole = whole.to(before.device)
        missed = _open_loop(task, model, before[whole], action[whole], after[whole[:, -1]])
        metrics["model_error_open_loop"] = relative_error(missed, before, moves)
    return metrics


def known_unit(model: object) -> Float[Tensor, "P"] | None:
    """By how much a fitted model knows its physical columns to change; None of any other."""
    if isinstance(model, DeterministicEnsemble | ProbabilisticEnsemble) and model.fitted:
        return model.difference_scale
    return None


def moving_columns(
    difference: Float[Tensor, "N P"], unit: Float[Tensor, "P"] | None
) -> Bool[Tensor, "P"]:
    """Columns that are not at rest in these rows.

    Args:
        unit: what columns are known to move by; None, where nothing is known, takes any that move.
            At rest is what moves less than a tenth, in its unit, of what moves most: sensors
            tremble.
    """
    deviation = difference.std(dim=0)
    if unit is None:
        return deviation > 0
    share = deviation / unit
    return (share > 0) & (share >= REST * share.max())


def relative_error(
    error: Float[Tensor, "*N P"], values: Float[Tensor, "M P"], moves: Bool[Tensor, "P"]
) -> float:
    """Root mean square error in units of the standard deviation of `values`, over some columns."""
    relative = error[..., moves] / (values[:, moves].std(dim=0) + 1e-6)
    return float(relative.square().mean().sqrt())


def _open_loop(
    task: Task, model: Ensemble, before: Tensor, action: Tensor, last: Tensor
) -> Float[Tensor, "E M P"]:
    state = _spread(before[:, 0], model)
    for t in range(action.shape[1]):
        state = model.predict(state, _spread(action[:, t], model))
    return task.physical_difference(state, _spread(last, model))


def _spread(values: Tensor, model: Ensemble) -> Tensor:
    return values.expand(model.members, *values.shape)


def _whole_episodes(replay: Replay, unseen: int, length: int) -> Tensor | None:
    """Row numbers [M, length], within the newest `unseen` rows, of uncut full-length episodes."""
    steps = torch.from_numpy(replay.steps[-unseen:].copy())
    starts = torch.nonzero(steps == 0)[:, 0]
    starts = starts[starts + length <= unseen]
    if len(starts) == 0:
        return None
    ahead = torch.arange(length, device=steps.device)
    index = starts[:, None] + ahead
    whole = (steps[index] == ahead).all(dim=1)
    return index[whole] if bool(whole.any()) else None
