"""Standardise what a policy and its critics see, once, by the first rows that there are."""

import torch

from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.policies.squashed import SquashedGaussianPolicy

SCALE_MIN = 1e-2  # of a standardised observation column, so that a constant one stays in bounds


def standardise_inputs(policy: SquashedGaussianPolicy, critic: TwinQ, replay: Replay) -> None:
    """Set shift and scale of both networks' observations; to be done before they learn."""
    rows = torch.from_numpy(replay.rows)
    observation, _ = policy.canonical(rows[:, replay.layout.observation])
    spread = observation.std(dim=0, correction=0).clamp(min=SCALE_MIN)
    for network in (policy, critic):
        network.input_shift.copy_(observation.mean(dim=0))
        network.input_scale.copy_(spread)
