"""A snapshot's policy in torch, for those who ask it about many observations at once."""

import torch

from mbctl.nn.device import CPU
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.policies.snapshot import Snapshot
from mbctl.policies.squashed import SquashedGaussianPolicy


def torch_policy(
    snapshot: Snapshot, device: torch.device = CPU
) -> GaussianPolicy | SquashedGaussianPolicy:
    """The policy of a snapshot whose shapes have been checked; no gradients go to its weights.

    Raises:
        ValueError: this combination of network and activation has no torch counterpart.
    """
    manifest = snapshot.manifest
    architecture = manifest.policy
    made = (architecture.kind, architecture.activation)
    sizes = len(manifest.observation_names), len(manifest.action_names), architecture.hidden
    unused = torch.Generator(device)  # of initial weights, all of which are replaced
    policy: GaussianPolicy | SquashedGaussianPolicy
    if made == (GaussianPolicy.KIND, GaussianPolicy.ACTIVATION):
        policy = GaussianPolicy(*sizes, 0.0, -torch.inf, architecture.reflection, unused)
    elif made == (SquashedGaussianPolicy.KIND, SquashedGaussianPolicy.ACTIVATION):
        policy = SquashedGaussianPolicy(*sizes, architecture.reflection, unused)
    else:
        raise ValueError(f"there is no torch policy of kind {made[0]!r} with {made[1]!r} units")
    names = policy.state_dict().keys()
    policy.load_state_dict(
        {name: torch.from_numpy(snapshot.weights[name].copy()) for name in names}
    )
    return policy.requires_grad_(False)
