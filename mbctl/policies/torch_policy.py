"""A snapshot's policy in torch, for those who ask it about many observations at once."""

import torch

from mbctl.policies.bundle import Snapshot
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.policies.squashed import SquashedGaussianPolicy


def torch_policy(snapshot: Snapshot) -> GaussianPolicy | SquashedGaussianPolicy:
    """The policy of a snapshot whose shapes have been checked; no gradients go to its weights.

    Raises:
        ValueError: this combination of network and activation has no torch counterpart.
    """
    manifest, weights = snapshot.manifest, snapshot.weights
    architecture = manifest.policy
    made = (architecture.kind, architecture.activation)
    sizes = len(manifest.observation_names), len(manifest.action_names), architecture.hidden
    unused = torch.Generator()  # of initial weights, all of which are replaced
    policy: GaussianPolicy | SquashedGaussianPolicy
    if made == ("gaussian_mlp", "tanh"):
        policy = GaussianPolicy(*sizes, 0.0, -torch.inf, architecture.reflection, unused)
        policy.parameters[-1] = torch.from_numpy(weights["log_std"].copy())
    elif made == ("squashed_gaussian_mlp", "relu"):
        policy = SquashedGaussianPolicy(*sizes, architecture.reflection, unused)
    else:
        raise ValueError(f"there is no torch policy of kind {made[0]!r} with {made[1]!r} units")
    policy.input_shift = torch.from_numpy(weights["input_shift"].copy())
    policy.input_scale = torch.from_numpy(weights["input_scale"].copy())
    for layer in range(len(architecture.hidden) + 1):
        for i, part in enumerate(("weight", "bias")):
            array = weights[f"layers.{layer}.{part}"]
            policy.parameters[2 * layer + i] = torch.from_numpy(array.copy())
    return policy
