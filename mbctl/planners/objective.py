"""What a sequence of actions is worth: its return over the members of a dynamics ensemble.

    symbol                 here
    a_0 ... a_{H-1}        actions, as requested
    s_{t+1}^e              physical state that member e predicts after a_t
    alive_t^e              1 until member e has predicted termination; the step that ends counts
    G^e = sum_t gamma^t alive_t^e (r(s_{t+1}^e) - c(a_t^e)) + gamma^H alive_H^e V(s_H^e)
    c(a_t^e)               the task's cost of the action as applied in member e
    value = mean_e G^e + weight * disagreement

The horizon's end is worth V after gamma^H; MAAC's code (Clavera et al. 2020) has gamma^{H+1}.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

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


@runtime_checkable
class Objective(Protocol):
    """What a search asks."""

    @property
    def model(self) -> Dynamics:
        """In which sequences are rolled."""
        ...

    def score(
        self,
        physical: Float[Tensor, "P"],
        goal: Float[Tensor, "G"],
        actions: Float[Tensor, "H N A"],
    ) -> Scores:
        """What each of N sequences is worth from `physical` on."""
        ...


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

    @torch.no_grad()
    def score(
        self,
        physical: Float[Tensor, "P"],
        goal: Float[Tensor, "G"],
        actions: Float[Tensor, "H N A"],
    ) -> Scores:
        """Roll every sequence from `physical` in every member."""
        members, (horizon, count) = self.model.members, actions.shape[:2]
        states, cost = self._roll(physical, actions)
        aim = goal.expand(horizon, members, count, -1)
        ended = self.task.terminated(states)
        alive = torch.ones_like(ended)  # before each step
        alive[1:] = ~ended[:-1].cummax(dim=0).values
        discount = self.gamma ** torch.arange(horizon, device=states.device)[:, None, None]
        # Not a product: what follows the end may be no number at all.
        gained = torch.where(alive, self.reward(states, aim) - cost, 0.0)
        returns = (discount * gained).sum(dim=0)
        if self.terminal_value is not None:
            asked = actions[-1].expand(members, count, -1)
            rest = self.terminal_value(states[-1], asked, aim[-1])
            still = alive[-1] & ~ended[-1]
            returns += self.gamma**horizon * torch.where(still, rest, 0.0)
        if self.state_scale is None:
            apart = returns.std(dim=0, correction=0)
        else:
            apart = self._spread(states, alive)
        return self._scores(returns, apart)

    def _roll(
        self, physical: Tensor, actions: Tensor
    ) -> tuple[Float[Tensor, "H E N P"], Float[Tensor, "H E N"]]:
        """The states arrived in, and what the actions cost.

        The states are judged all at once, which takes far less time than in turn.
        """
        members, (horizon, count) = self.model.members, actions.shape[:2]
        shape, device = (horizon, members, count), physical.device
        states = torch.empty(*shape, physical.shape[-1], device=device)
        cost = torch.empty(*shape, device=device)
        state = physical.expand(members, count, -1)
        for t in range(horizon):
            asked = actions[t].expand(members, count, -1)
            applied = self.task.applied_action(state, asked)
            cost[t] = self.task.action_cost(applied)
            after = self.model.predict(state, applied)
            state = torch.clamp(after, -STATE_LIMIT, STATE_LIMIT, out=states[t])
        return states, cost

    def _spread(
        self, states: Float[Tensor, "H E N P"], alive: Bool[Tensor, "H E N"]
    ) -> Float[Tensor, "N"]:
        """How far members that have not ended are apart; what is behind an end means nothing."""
        assert self.state_scale is not None
        living = alive[..., None]
        count = living.sum(dim=1, keepdim=True).clamp(min=1)
        scaled = torch.where(living, states / self.state_scale(), 0.0)
        away = torch.where(living, scaled - scaled.sum(dim=1, keepdim=True) / count, 0.0)
        deviation = (away.square().sum(dim=1) / count.squeeze(1)).sqrt()
        return deviation.mean(dim=-1).mean(dim=0)

    def _scores(self, returns: Tensor, apart: Tensor) -> Scores:
        mean = returns.mean(dim=0)
        value = mean + self.disagreement_weight * apart if self.disagreement_weight else mean
        return Scores(torch.where(value.isfinite(), value, -torch.inf), mean, apart)


class DealtModel:
    """K of E members for each row, so that members share the rows; a `Dynamics` with K members.

    PETS (Chua et al. 2018, https://arxiv.org/abs/1805.12114, section 5.1, TS-infinity) keeps a
    particle in one member for the whole of a plan, and so does this: row i is rolled in members i,
    i + 1, ... i + K - 1 modulo E. A plan takes a K/E-th of the products, and single members are
    trusted more.

    Args:
        model: has the E members.
        members: K.

    Raises:
        ValueError: K is not from 1 to E.
    """

    def __init__(self, model: Dynamics, members: int) -> None:
        if not 1 <= members <= model.members:
            raise ValueError(
                f"members_per_sequence is {members}, but the model has {model.members} members: "
                f"must be 1 to {model.members}, or 0 for all"
            )
        self._model = model
        self._members = members

    @property
    def members(self) -> int:
        return self._members

    def predict(
        self, physical: Float[Tensor, "K N P"], action: Float[Tensor, "K N A"]
    ) -> Float[Tensor, "K N P"]:
        """Next physical states; row i has the same members at each call."""
        after = self._model.predict(self._dealt(physical), self._dealt(action))
        return self._gathered(after, physical.shape[1])

    def _dealt(self, rows: Tensor) -> Float[Tensor, "E M C"]:
        """What each member gets: rows of K groups, filled up with zeros to equal shares."""
        dealt, count, width = rows.shape
        spare = -count % self._model.members
        full = functional.pad(rows, (0, 0, 0, spare))
        groups = full.reshape(dealt, -1, self._model.members, width).permute(0, 2, 1, 3)
        return torch.cat([group.roll(k, dims=0) for k, group in enumerate(groups)], dim=1)

    def _gathered(self, rows: Float[Tensor, "E M C"], count: int) -> Float[Tensor, "K N C"]:
        """Undo `_dealt`."""
        shares = rows.chunk(self._members, dim=1)
        groups = torch.stack([share.roll(-k, dims=0) for k, share in enumerate(shares)])
        return groups.transpose(1, 2).flatten(1, 2)[:, :count]


class SharedObjective:
    """Scores equal parts of the sequences at the same time: while torch computes, Python is free.

    Worth it where cores are idle. Beside other work on all cores it gains nothing and loses little.

    Args:
        objective: scores a part; it must not change while it does.
        threads: how many parts, and threads.
        multiple: of which the size of each part but the last is, so that a model that deals
            sequences to that many members deals them as in one thread.
    """

    def __init__(self, objective: Objective, threads: int, multiple: int = 1) -> None:
        if threads < 2:
            raise ValueError(f"{threads} threads have nothing to share; must be at least 2")
        self._objective = objective
        self._threads = threads
        self._multiple = multiple
        self._pool = ThreadPoolExecutor(threads - 1, "scoring")

    @property
    def model(self) -> Dynamics:
        return self._objective.model

    def score(
        self,
        physical: Float[Tensor, "P"],
        goal: Float[Tensor, "G"],
        actions: Float[Tensor, "H N A"],
    ) -> Scores:
        """As the objective itself would, but for rounding; this thread takes the first part."""
        parts = self._threads * self._multiple
        size = self._multiple * max(1, -(-actions.shape[1] // parts))
        first, *others = actions.split(size, dim=1)
        asked = [self._pool.submit(self._objective.score, physical, goal, o) for o in others]
        scores = [self._objective.score(physical, goal, first), *(a.result() for a in asked)]
        value, mean, apart = (
            torch.cat([getattr(one, name) for one in scores])
            for name in ("value", "mean_return", "disagreement")
        )
        return Scores(value, mean, apart)
