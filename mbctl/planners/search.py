"""Planning by sampling: known sequences first, then rounds of search until time is up."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.mean_ensemble import MeanEnsemble
from mbctl.nn.device import CPU
from mbctl.planners.dynamics import Dynamics
from mbctl.planners.methods import Candidates, SearchMethod
from mbctl.planners.objective import (
    DealtModel,
    Objective,
    SequenceObjective,
    SharedObjective,
    TerminalValue,
)
from mbctl.planners.planner import Plan, PlanError, Vector
from mbctl.planners.proposal import ActionPrior, PolicyProposal
from mbctl.planners.settings import SearchSettings
from mbctl.tasks.task import Task

JUDGED = 8  # sequences of a screened round that the objective judges
ROUND_DECAY = 0.9  # a round's expected time forgets one hold-up within some ten plans


@dataclass(frozen=True)
class Sizes:
    """P, A and G of the task."""

    physical: int
    action: int
    goal: int


class _Start(NamedTuple):
    physical: Tensor  # [P]
    last_action: Tensor  # [A]
    goal: Tensor  # [G]


@dataclass(frozen=True)
class _Known:
    candidates: Candidates
    std: Tensor  # [H, A]
    prior_value: float | None


class SamplingPlanner:
    """A `Planner` that searches with `method`.

    Args:
        sizes: what the arguments of `plan` are checked against.
        objective: what a sequence is worth.
        method: where to look.
        proposal: what the policy would do; None plans without a policy.
        settings: horizon, iterations and standard deviation.
        now_ns: the clock that deadlines are on.
        generator: what method and proposal draw from, for those who want `restart` to seed it.
        device: where the objective computes.
        screen: what a sequence of the search is worth at first sight, where that is cheaper. It
            keeps some for their luck, so the best of each round are judged by `objective` in the
            end, as known sequences are.
    """

    def __init__(
        self,
        sizes: Sizes,
        objective: Objective,
        method: SearchMethod,
        proposal: PolicyProposal | None,
        settings: SearchSettings,
        now_ns: Callable[[], int] = time.monotonic_ns,
        generator: torch.Generator | None = None,
        screen: Objective | None = None,
        device: torch.device = CPU,
    ) -> None:
        self.generator = generator
        self.device = device
        self.sizes = sizes
        self.objective = objective
        self.screen = screen
        self.method = method
        self.proposal = proposal
        self.settings = settings
        self.now_ns = now_ns
        self.last: Tensor | None = None  # [H, A], the last plan
        self.round_ns = 0  # what a round of search is expected to take

    @property
    def horizon(self) -> int:
        return self.settings.horizon

    def restart(self, seed: int | None = None) -> None:
        if seed is not None:
            if self.generator is None:
                raise ValueError("this planner was not given the generator that it is to seed")
            self.generator.manual_seed(seed)
        self.last = None
        self.method.restart()

    @torch.no_grad()
    def plan(
        self,
        physical: Vector,
        last_action: Vector,
        goal: Vector,
        deadline_ns: int | None = None,
        steps: int = 1,
    ) -> Plan:
        if steps < 0:
            raise ValueError(f"steps is {steps}: a plan cannot be shifted backwards")
        start = _Start(
            self._checked("physical", physical, self.sizes.physical),
            self._checked("last_action", last_action, self.sizes.action),
            self._checked("goal", goal, self.sizes.goal),
        )
        known = self._known(start, steps)
        best, rounds, scored = self._search(start, known, deadline_ns)
        self.last = best.actions[:, 0]
        return Plan(
            self.last.cpu().numpy().copy(),
            float(best.scores.value),
            float(best.scores.mean_return),
            float(best.scores.disagreement),
            known.prior_value,
            rounds,
            scored,
        )

    def _known(self, start: _Start, steps: int) -> _Known:
        """Score what there is before any search: the policy's rollouts and the last plan."""
        sequences = self._shifted(steps)
        shape, device = (self.horizon, self.sizes.action), self.device
        std = torch.full(shape, self.settings.initial_std, device=device)
        noise_free = 0
        if self.proposal is not None:
            proposed = self.proposal.roll(*start, self.horizon)
            sequences.insert(0, proposed.actions)
            noise_free = self.objective.model.members
            std = proposed.std if self.settings.prior_std else std
        if not sequences:
            sequences.append(torch.zeros(self.horizon, 1, self.sizes.action, device=device))
        known = self._scored(start, torch.cat(sequences, dim=1))
        if not bool(known.scores.value.isfinite().any()):
            raise PlanError(
                f"none of {len(known)} known sequences has a finite value in the model from "
                f"physical {start.physical.tolist()}: the state is far from the model's data, or "
                "the model's weights are broken"
            )
        prior = float(known.scores.value[:noise_free].max()) if noise_free else None
        return _Known(known, std, prior)

    def _shifted(self, steps: int) -> list[Tensor]:
        """The last plan and what the method remembers, from now on."""
        if self.last is None or steps >= self.horizon:
            self.restart()
            return []
        if steps == 0:
            return [self.last[:, None]]
        ends = self.last[-1:].expand(steps, -1)
        remembered = self.method.remembered(steps)
        moved = [torch.cat([self.last[steps:], ends])[:, None]]
        return moved if remembered is None else [*moved, remembered]

    def _search(
        self, start: _Start, known: _Known, deadline_ns: int | None
    ) -> tuple[Candidates, int, int]:
        """The best sequence, rounds done and sequences scored."""
        method = self.method
        method.begin(known.candidates, known.std)
        best, scored, rounds = known.candidates.top(1), len(known.candidates), 0
        unsure: list[Tensor] = []  # what is still to be scored by the objective itself
        self.round_ns = int(ROUND_DECAY * self.round_ns)
        while rounds < self.settings.iterations and self._time_for_a_round(deadline_ns):
            began = self.now_ns()
            found = self._scored(start, method.sample(rounds), self.screen)
            method.update(found)
            if method.averages:
                unsure = [method.mean[:, None]]
            elif self.screen is None:
                best = _better(best, found)
            else:
                unsure.append(found.top(JUDGED).actions)
            self.round_ns = max(self.round_ns, self.now_ns() - began)
            rounds, scored = rounds + 1, scored + len(found)
        last = torch.cat([best.actions[:, :0], *unsure], dim=1)
        if last.shape[1]:
            best = _better(best, self._scored(start, last))
        return best, rounds, scored + last.shape[1]

    def _time_for_a_round(self, deadline_ns: int | None) -> bool:
        """Whether a round, and the scoring after the last one, would end by the deadline."""
        if deadline_ns is None:
            return True
        passes = 2 if self.method.averages or self.screen is not None else 1
        return self.now_ns() + max(1, passes * self.round_ns) <= deadline_ns

    def _checked(self, name: str, values: Vector, length: int) -> Tensor:
        vector = np.array(values, dtype=np.float32)
        if vector.shape != (length,):
            raise ValueError(f"{name} has shape {vector.shape}; the task's has ({length},)")
        if not np.isfinite(vector).all():
            raise ValueError(f"{name} is not finite: {vector.tolist()}")
        return torch.from_numpy(vector).to(self.device)

    def _scored(
        self, start: _Start, actions: Tensor, screen: Objective | None = None
    ) -> Candidates:
        asked = self.objective if screen is None else screen
        return Candidates(actions, asked.score(start.physical, start.goal, actions))


def _better(best: Candidates, found: Candidates) -> Candidates:
    """The best of both; the older one where they are equal."""
    top = found.top(1)
    if len(top) == 0 or not float(top.scores.value) > float(best.scores.value):
        return best
    return top


def build_planner(
    task: Task,
    model: Dynamics,
    settings: SearchSettings,
    seed: int,
    prior: ActionPrior | None = None,
    terminal_value: TerminalValue | None = None,
    now_ns: Callable[[], int] = time.monotonic_ns,
    threads: int = 1,
    device: torch.device = CPU,
) -> SamplingPlanner:
    """The planner that `settings` name; all its draws come from one generator with this seed.

    Args:
        threads: that share the scoring of sequences.
        device: where the model computes.

    Raises:
        ValueError: a setting needs what was not given.
    """
    if settings.prior_std and prior is None:
        raise ValueError("prior_std is on, but there is no policy to take it from; set it to false")
    generator = torch.Generator(device).manual_seed(seed)
    proposal = None
    if prior is not None and settings.proposals:
        proposal = PolicyProposal(task, model, prior, settings.proposals, generator)
    sizes = Sizes(len(task.physical_names), len(task.robot.joints), len(task.goal_names))
    method: SearchMethod = settings.search_method(generator)
    scale = _state_scale(model) if settings.disagreement == "state" else None

    def objective_in(asked: Dynamics) -> Objective:
        objective = _objective(task, asked, settings, scale, terminal_value)
        if threads == 1:
            return objective
        return SharedObjective(objective, threads, model.members)

    dealt = settings.members_per_sequence
    screen = objective_in(DealtModel(model, dealt)) if dealt else None
    objective = objective_in(model)
    return SamplingPlanner(
        sizes, objective, method, proposal, settings, now_ns, generator, screen, device
    )


def _objective(
    task: Task,
    model: Dynamics,
    settings: SearchSettings,
    state_scale: Callable[[], Tensor] | None,
    terminal_value: TerminalValue | None,
) -> SequenceObjective:
    return SequenceObjective(
        task,
        model,
        task.objective if settings.reward == "objective" else task.reward,
        settings.gamma,
        settings.disagreement_weight,
        state_scale,
        terminal_value,
    )


def _state_scale(model: Dynamics) -> Callable[[], Tensor]:
    if not isinstance(model, DeterministicEnsemble | MeanEnsemble):
        raise ValueError(
            f"disagreement is 'state', but {type(model).__name__} does not know how far a step "
            "goes; use 'return'"
        )
    return lambda: model.difference_scale
