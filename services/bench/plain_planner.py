"""What a sequence is worth as it is usually computed: step by step, member by member.

The same values as mbctl.planners.objective gives without terminal value and disagreement.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.imagine import STATE_LIMIT
from mbctl.planners.objective import Scores, SequenceObjective
from mbctl.tasks.task import Task
from services.bench.plain_ensemble import sequential_members

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}


class PlainObjective(SequenceObjective):
    """Scores sequences of actions in a loop over members.

    Args:
        task: rewards and limits.
        model: its weights are copied into a network per member.
    """

    def __init__(self, task: Task, model: DeterministicEnsemble) -> None:
        super().__init__(task, model, task.objective)
        self._whole_task = task
        self._units = model
        activation = ACTIVATIONS[model.network.activation]
        self._members: Sequence[nn.Module] = sequential_members(model.network, activation)

    @torch.no_grad()
    def score(self, physical: Tensor, goal: Tensor, actions: Tensor) -> Scores:
        returns = torch.stack([self._returns(m, physical, goal, actions) for m in self._members])
        mean = returns.mean(dim=0)
        apart = returns.std(dim=0, correction=0)
        return Scores(torch.where(mean.isfinite(), mean, -torch.inf), mean, apart)

    def _returns(
        self, member: nn.Module, physical: Tensor, goal: Tensor, actions: Tensor
    ) -> Tensor:
        task, model = self._whole_task, self._units
        state, aim = physical.expand(actions.shape[1], -1), goal.expand(actions.shape[1], -1)
        alive = torch.ones(len(state), dtype=torch.bool)
        total = torch.zeros(len(state))
        for asked in actions:
            applied = task.applied_action(state, asked)
            inputs = model.normalise(model.inputs(state, applied))
            after = state + model.difference_scale * member(inputs)
            state = after.clamp(-STATE_LIMIT, STATE_LIMIT)
            gained = self.reward(state, aim) - task.action_cost(applied)
            total += torch.where(alive, gained, 0.0)
            alive = alive & ~task.terminated(state)
        return total
