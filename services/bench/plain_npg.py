"""The natural policy gradient step as it is usually written: autograd, twice, through the KL.

The same maths as mbctl.algorithms.game.npg, F v being the Hessian-vector product of the mean KL
over all rows. It is the baseline, so it is kept as plain as it can be.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from mbctl.policies.gaussian import GaussianPolicy

Flat = Tensor
Product = Callable[[Flat], Flat]


class PlainPolicy:
    """A Gaussian policy whose parameters autograd follows; starts where `policy` stands."""

    def __init__(self, policy: GaussianPolicy) -> None:
        self.shift, self.scale = policy.input_shift, policy.input_scale
        self.parameters = [p.detach().clone().requires_grad_() for p in policy.ordered]

    def mean(self, observation: Tensor) -> Tensor:
        h = (observation - self.shift) / self.scale
        layers = len(self.parameters) // 2
        for layer in range(layers):
            h = torch.nn.functional.linear(h, *self.parameters[2 * layer : 2 * layer + 2])
            if layer < layers - 1:
                h = torch.tanh(h)
        return h

    def flat(self) -> Flat:
        return torch.cat([p.detach().flatten() for p in self.parameters])


def _flat_gradient(value: Tensor, parameters: list[Tensor], graph: bool | None = None) -> Flat:
    """`graph`: True keeps it and makes the gradient part of it, False keeps it, None frees it."""
    found = torch.autograd.grad(
        value, parameters, retain_graph=graph is not None, create_graph=bool(graph)
    )
    return torch.cat([gradient.flatten() for gradient in found])


def _surrogate(policy: PlainPolicy, observation: Tensor, action: Tensor, advantage: Tensor):
    log_std = policy.parameters[-1]
    error = (action - policy.mean(observation)) / torch.exp(log_std)
    return ((-0.5 * error.square() - log_std).sum(dim=1) * advantage).mean()


def _mean_kl(policy: PlainPolicy, observation: Tensor) -> Tensor:
    """KL(old || new), old being the same policy held fixed."""
    mean, log_std = policy.mean(observation), policy.parameters[-1]
    old_mean, old_log_std = mean.detach(), log_std.detach()
    spread = torch.exp(2 * old_log_std) + (old_mean - mean).square()
    return (log_std - old_log_std + spread / (2 * torch.exp(2 * log_std)) - 0.5).sum(dim=1).mean()


def fisher_anew(policy: PlainPolicy, observation: Tensor) -> Product:
    """F v with forward pass and graph built for each product, as the common codes do."""

    def product(vector: Flat) -> Flat:
        kl = _mean_kl(policy, observation)
        gradient = _flat_gradient(kl, policy.parameters, graph=True)
        return _flat_gradient(gradient @ vector, policy.parameters)

    return product


def fisher_kept(policy: PlainPolicy, observation: Tensor) -> Product:
    """F v with one graph kept for all products: faster, and as much memory as the graph takes."""
    kl = _mean_kl(policy, observation)
    gradient = _flat_gradient(kl, policy.parameters, graph=True)
    return lambda vector: _flat_gradient(gradient @ vector, policy.parameters, graph=False)


def plain_npg_step(
    policy: PlainPolicy,
    observation: Tensor,
    action: Tensor,
    advantage: Tensor,
    fisher: Callable[[PlainPolicy, Tensor], Product],
    *,
    delta: float,
    iterations: int,
    damping: float,
) -> None:
    """Update `policy` in place; arguments as mbctl.algorithms.npg.npg_step."""
    gradient = _flat_gradient(_surrogate(policy, observation, action, advantage), policy.parameters)
    product = fisher(policy, observation)
    x = torch.zeros_like(gradient)
    residual, direction = gradient.clone(), gradient.clone()
    squared = residual @ residual
    for _ in range(iterations):
        turned = product(direction) + damping * direction
        step = squared / (direction @ turned)
        x += step * direction
        residual -= step * turned
        updated = residual @ residual
        direction = residual + updated / squared * direction
        squared = updated
    change = torch.sqrt(delta / (gradient @ x).abs()) * x
    with torch.no_grad():
        sizes = [p.numel() for p in policy.parameters]
        for parameter, part in zip(policy.parameters, change.split(sizes), strict=True):
            parameter += part.view_as(parameter)
