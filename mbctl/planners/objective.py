"""What a sequence of actions is worth: its return over the members of a dynamics ensemble.

    symbol                 here
    a_0 ... a_{H-1}        actions, as requested
    s_{t+1}^e              physical state that member e predicts after a_t
    alive_t^e              1 until member e has predicted termination; the step that ends counts
    G^e = sum_t gamma^t alive_t^e r(s_{t+1}^e) + gamma^H alive_H^e V(s_H^e)
    value = mean_e G^e + weight * disagreement

The horizon's end is worth V after gamma^H; MAAC's code (Clavera et al. 2020) has gamma^{H+1}.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.models.imagine import STATE_LIMIT
from mbctl.planners.dynamics import Dynamics, PlanningTask

RewardFunction = Callable[[Tensor, Tensor], Tensor]
"""Reward [...] of arriving in physical [..., P] with goal [..., G]."""

TerminalValue = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Value [E, N] of physical [E, N, P], last action [E, N, A] and goal [E, N, G]."""


@dataclass(frozen=True)
class Scores:
    """Of N sequences: value, mean return and disagreement, each [N].

    A sequence whose return is not a number in some member has a value of minus infinity.
    """

    value: Float[Tensor, "N"]
    mean_return: Float[Tensor, "N"]
    disagreement: Float[Tensor, "N"]


class SequenceObjective:
    """Scores sequences of actions.

    Args:
        task: applies actions and says when an episode ends.
        model: the ensemble.
        reward: r.
        gamma: discount.
        disagreement_weight: of the disagreement in the value; below 0 a penalty, above a bonus.
        state_scale: gives a scale [P], or None. None: the disagreement is the standard deviation
            of the returns over members, in units of reward. Given: that of the predicted states in
            these units, averaged over columns and steps. Asked at each scoring, because a refit
            changes the model's units.
        terminal_value: V; None is nothing.
    """

    def __init__(
        self,
        task: PlanningTask,
        model: Dynamics,
        reward: RewardFunction,
        gamma: float = 1.0,
        disagreement_weight: float = 0.0,
        state_scale: Callable[[], Tensor] | None = None,
        terminal_value: TerminalValue | None = None,
    ) -> None:
        self.task = task
        self.model = model
        self.reward = reward
        self.gamma = gamma
        self.disagreement_weight = disagreement_weight
        self.state_scale = state_scale
        self.terminal_value = terminal_value

    @torch.inference_mode()
    def score(
        self,
        physical: Float[Tensor, "P"],
        last_action: Float[Tensor, "A"],
        goal: Float[Tensor, "G"],
        actions: Float[Tensor, "H N A"],
    ) -> Scores:
        """Roll every sequence from `physical` in every member."""
        members, (horizon, count) = self.model.members, actions.shape[:2]
        state = physical.expand(members, count, -1)
        aim = goal.expand(members, count, -1)
        asked = last_action.expand(members, count, -1)
        returns = torch.zeros(members, count)
        alive = torch.ones(members, count, dtype=torch.bool)
        nothing = torch.zeros(())
        apart = torch.zeros(count)
        scale = None if self.state_scale is None else self.state_scale()
        for t in range(horizon):
            asked = actions[t].expand(members, count, -1)
            after = self.model.predict(state, self.task.applied_action(state, asked))
            state = after.clamp(-STATE_LIMIT, STATE_LIMIT)
            gained = torch.where(alive, self.reward(state, aim), nothing)
            returns.add_(gained, alpha=self.gamma**t)
            if scale is not None:
                apart += _spread(state / scale, alive)
            alive = alive & ~self.task.terminated(state)
        if self.terminal_value is not None:
            rest = torch.where(alive, self.terminal_value(state, asked, aim), nothing)
            returns.add_(rest, alpha=self.gamma**horizon)
        apart = returns.std(dim=0, correction=0) if scale is None else apart / horizon
        return self._scores(returns, apart)

    def _scores(self, returns: Tensor, apart: Tensor) -> Scores:
        mean = returns.mean(dim=0)
        value = mean + self.disagreement_weight * apart if self.disagreement_weight else mean
        return Scores(torch.where(value.isfinite(), value, -torch.inf), mean, apart)


def _spread(state: Tensor, alive: Tensor) -> Tensor:
    """Standard deviation [N] over members, averaged over columns; 0 where all have ended."""
    spread = state.std(dim=0, correction=0).mean(dim=-1)
    return torch.where(alive.any(dim=0), spread, torch.zeros(()))
