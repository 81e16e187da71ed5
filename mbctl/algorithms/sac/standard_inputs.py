"""Standardise what a policy and its critics see, by the first rows that there are.

Once, so that what they have learned stays what it is; but a column that hardly moved in those rows
and moves later would be seen at a hundred times its size. So the scale of one that has outgrown its
own grows with it, and the first layers follow (`mbctl/nn/units.py`).
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mbctl.algorithms.model_data import replay_rows
from mbctl.critics.soft_value import SoftValue
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.nn.units import LIMIT, UnitChange, follow_input_units, forget, input_rows
from mbctl.policies.squashed import SquashedGaussianPolicy

SCALE_MIN = 1e-2  # of a standardised observation column, so that a constant one stays in bounds
OUTGROWN = 3.0  # times its scale, as root mean square

Network = SquashedGaussianPolicy | TwinQ | SoftValue


def standardise_inputs(
    policy: SquashedGaussianPolicy, critics: Sequence[TwinQ | SoftValue], replay: Replay
) -> None:
    """Set shift and scale of all networks' observations; to be done before they learn."""
    observation = _seen(policy, replay)
    spread = observation.std(dim=0, correction=0).clamp(min=SCALE_MIN)
    for network in (policy, *critics):
        network.input_shift.copy_(observation.mean(dim=0))
        network.input_scale.copy_(spread)


@torch.no_grad()
def widen_inputs(
    policy: SquashedGaussianPolicy,
    critics: Sequence[TwinQ | SoftValue],
    replay: Replay,
    optimizers: Sequence[torch.optim.Optimizer],
) -> None:
    """Let the scale of columns that have outgrown theirs grow with them, in all networks.

    Args:
        optimizers: Adam's, whose moments of those columns are forgotten.
    """
    away = (_seen(policy, replay) - policy.input_shift).square().mean(dim=0).sqrt()
    growth = away / policy.input_scale
    change = UnitChange(
        torch.where(growth > OUTGROWN, growth, torch.ones_like(growth)), torch.zeros_like(growth)
    )
    if not bool(change.large.any()):
        return
    for network in (policy, *critics):
        network.input_scale.mul_(change.growth)
        for parameter, weight, bias in _first_layers(network):
            follow_input_units(weight, bias, change, LIMIT)
            rows = input_rows(change.large, weight)
            for optimizer in optimizers:
                forget(optimizer, parameter, rows if parameter is weight else rows.T)


def _seen(policy: SquashedGaussianPolicy, replay: Replay) -> Tensor:
    rows = replay_rows(replay, policy.input_shift.device)
    return policy.canonical(rows[:, replay.layout.observation])[0]


def _first_layers(network: Network) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Parameter, and views of it [..., I, H] and of its bias [..., 1, H]."""
    if isinstance(network, SquashedGaussianPolicy):
        weight, bias = network.ordered[0], network.ordered[1]
        yield weight, weight.T, bias[None]
        return
    for net in (network.network, network.target):
        yield net.weights[0], net.weights[0], net.biases[0]
