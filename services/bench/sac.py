"""Measures an update of soft actor-critic against one written plainly."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mbctl.algorithms.sac.settings import SacSettings
from mbctl.algorithms.sac.soft_actor_critic import SoftActorCritic
from mbctl.algorithms.sac.transitions import TransitionSource
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task
from services.bench.plain_sac import PlainSoftActorCritic
from services.bench.report import Figure, Goal
from services.bench.timing import time_interleaved

FASTER = Goal("at least", 1.08)
Learner = SoftActorCritic | PlainSoftActorCritic


@dataclass(frozen=True)
class SacSizes:
    """The paper's."""

    hidden: tuple[int, ...] = (256, 256)
    batch: int = 256
    updates: int = 20  # in one measurement
    rounds: int = 7


def measure_sac(
    task: Task, replay: Replay, sizes: SacSizes
) -> tuple[list[Figure], dict[str, float]]:
    """Figures, and how far apart the policies are after the same few updates."""
    learner = sac_learner(task, sizes)
    cases: dict[str, Learner] = {
        "own": learner,
        "plain": PlainSoftActorCritic(learner, freeze=False),
        "frozen": PlainSoftActorCritic(learner, freeze=True),
    }
    works = {name: _updates(task, replay, sizes, case) for name, case in cases.items()}
    taken = time_interleaved(works, sizes.rounds)
    own, plain, frozen = (1e3 * taken[name].cpu_s / sizes.updates for name in cases)
    name = f"SAC update, {sizes.hidden}, batch {sizes.batch}"
    return [
        Figure(name, own, "ms", "plain eager", plain, goal=FASTER),
        Figure(name, own, "ms", "plain eager, critics frozen for the actor", frozen),
    ], {"sac_difference": sac_difference(task, replay, sizes)}


def sac_difference(task: Task, replay: Replay, sizes: SacSizes, updates: int = 5) -> float:
    """||plain - own|| / ||own's change||, over the policy's parameters: rounding if they agree."""
    learner = sac_learner(task, sizes)
    plain = PlainSoftActorCritic(learner, freeze=False)
    before = _flat(list(learner.policy.ordered))
    few = SacSizes(sizes.hidden, sizes.batch, updates)
    for case in (learner, plain):
        _updates(task, replay, few, case)()
    own = _flat(list(learner.policy.ordered))
    return float((_flat(list(plain.policy.parameters())) - own).norm() / (own - before).norm())


def sac_learner(task: Task, sizes: SacSizes) -> SoftActorCritic:
    """A fresh learner, always the same one."""
    generator = torch.Generator().manual_seed(3)
    observations, actions = len(task.observation_names), len(task.robot.joints)
    policy = SquashedGaussianPolicy(observations, actions, sizes.hidden, None, generator)
    critic = TwinQ(observations, actions, sizes.hidden, False, generator)
    return SoftActorCritic(task, policy, critic, SacSettings())


def _updates(task: Task, replay: Replay, sizes: SacSizes, learner: Learner) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(4)
    source = TransitionSource(task, replay, SacSettings(), None)

    def work() -> None:
        for _ in range(sizes.updates):
            learner.update(source.draw(sizes.batch, generator), generator)

    return work


def _flat(parameters: list[Tensor]) -> Tensor:
    return torch.cat([p.detach().flatten() for p in parameters])
