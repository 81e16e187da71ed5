"""Settings that MBPO, MAAC and DDPPO share, checked without torch."""

from pydantic import Field, model_validator

from mbctl.algorithms.actor_critic_settings import ActorCriticSettings
from mbctl.algorithms.probabilistic_settings import BranchSettings, ProbabilisticModelSettings


class BranchedSettings(ActorCriticSettings, ProbabilisticModelSettings, BranchSettings):
    """An actor-critic that learns from rollouts branched off real states.

    Attributes:
        initial_rows: rows of the first policy before the first refit; 5,000 in the code of each.
        rows_per_refit: new rows between fits of the model; 250 in the code of MBPO and DDPPO.
        buffer_rows: real rows that are kept; 1,000,000.
        updates_per_row: updates of policy and critics per new row; MBPO's 20. The first improvement
            makes those of one regular refit, whatever came before it.
    """

    initial_rows: int = Field(default=5000, ge=1)
    rows_per_refit: int = Field(default=250, ge=1)
    buffer_rows: int = Field(default=1_000_000, ge=1)
    updates_per_row: float = Field(default=20.0, gt=0, le=100)

    @model_validator(mode="after")
    def _check_reward(self) -> "BranchedSettings":
        if self.learned_reward and (self.reward != "task" or self.relabelled > 0):
            raise ValueError(
                "learned_reward = true imagines the model's rewards, but reward = 'objective' and "
                "relabelled > 0 work them out anew from the task; choose one of the two"
            )
        return self
