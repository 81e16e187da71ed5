"""The normalised natural policy gradient step (Rajeswaran et al. 2020, Subroutine 1, lines 12-13).

    g     = E[ grad log pi(a|s) A(s, a) ]
    theta <- theta + sqrt(delta / (g' F^-1 g)) F^-1 g

F^-1 g comes from conjugate gradients on analytic Fisher-vector products: for a Gaussian with mean
network mu and free log_std the Fisher matrix is E[J' diag(1/sigma^2) J] for the mean's parameters
and 2 I for log_std, where J v and J' u are single passes through the network.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mbctl.policies.gaussian import Activations, GaussianPolicy, Parameters


@dataclass(frozen=True)
class NpgReport:
    """Step diagnostics: g' F^-1 g, the step's scale, and the KL it should amount to (delta / 2)."""

    curvature: float
    step: float
    kl: float


def _dot(a: Parameters, b: Parameters) -> float:
    return float(sum(torch.dot(x.reshape(-1), y.reshape(-1)) for x, y in zip(a, b, strict=True)))


def policy_gradient(
    policy: GaussianPolicy, kept: Activations, action: Tensor, advantage: Tensor
) -> Parameters:
    """Gradient of mean(log pi(a|s) A) over B rows; action [B, A], advantage [B]."""
    rows = action.shape[0]
    variance = torch.exp(2 * policy.log_std)
    error = action - kept.mean
    weight = advantage[:, None] / rows
    gradients = policy.vjp(kept, weight * error / variance)
    gradients.append((weight * (error.square() / variance - 1)).sum(dim=0))
    return gradients


def fisher_product(
    policy: GaussianPolicy, kept: Activations, vector: Parameters, damping: float
) -> Parameters:
    """(F + damping I) v over the rows in `kept`."""
    rows = kept.mean.shape[0]
    variance = torch.exp(2 * policy.log_std)
    product = policy.vjp(kept, policy.jvp(kept, vector) / (variance * rows))
    product.append(2 * vector[-1])
    return [p.add_(v, alpha=damping) for p, v in zip(product, vector, strict=True)]


def conjugate_gradient(
    policy: GaussianPolicy,
    kept: Activations,
    target: Parameters,
    iterations: int,
    damping: float,
) -> Parameters:
    """Solve (F + damping I) x = target from x = 0; stops early at a residual of 1e-10."""
    x = [torch.zeros_like(t) for t in target]
    residual = [t.clone() for t in target]
    direction = [t.clone() for t in target]
    squared = _dot(residual, residual)
    for _ in range(iterations):
        if squared < 1e-10 * 1e-10:
            break
        product = fisher_product(policy, kept, direction, damping)
        step = squared / _dot(direction, product)
        for i, p in enumerate(product):
            x[i].add_(direction[i], alpha=step)
            residual[i].sub_(p, alpha=step)
        updated = _dot(residual, residual)
        for i, r in enumerate(residual):
            direction[i].mul_(updated / squared).add_(r)
        squared = updated
    return x


def npg_step(
    policy: GaussianPolicy,
    observation: Tensor,
    action: Tensor,
    advantage: Tensor,
    *,
    delta: float,
    iterations: int,
    damping: float,
    fisher_rows: int,
    generator: torch.Generator,
) -> NpgReport:
    """Update `policy` in place from B rows of imagined experience.

    Args:
        observation, action, advantage: [B, O], [B, A] and [B], advantages already whitened.
        delta: normalised step size, twice the KL aimed at.
        iterations, damping: of the conjugate gradient.
        fisher_rows: rows the Fisher matrix is estimated on, drawn at random without replacement.
            Even spacing would not do: rollouts lie side by side in the batch, so a stride that
            divides their number sees some of the starts only, and steps are too long for others.
        generator: draws these rows.

    Raises:
        FloatingPointError: the step is not finite; the policy is left as it was.
    """
    kept = policy.activations(observation)
    gradient = policy_gradient(policy, kept, action, advantage)
    sample = _sample(kept, fisher_rows, generator)
    direction = conjugate_gradient(policy, sample, gradient, iterations, damping)
    curvature = _dot(gradient, direction)
    size = (delta / (abs(curvature) + 1e-20)) ** 0.5
    if not all(bool(torch.isfinite(d).all()) for d in direction):
        raise FloatingPointError("natural gradient is not finite; the policy was not changed")
    policy.step(direction, size)
    return NpgReport(curvature, size, 0.5 * size * size * abs(curvature))


def _sample(kept: Activations, count: int, generator: torch.Generator) -> Activations:
    rows, device = kept.mean.shape[0], kept.mean.device
    if rows <= count:
        return kept
    return kept.rows(torch.randperm(rows, generator=generator, device=device)[:count])
