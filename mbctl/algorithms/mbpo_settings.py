"""Settings of MBPO, checked without torch; each field says the paper's value."""

from pydantic import Field, model_validator

from mbctl.algorithms.actor_critic_settings import ActorCriticSettings
from mbctl.algorithms.probabilistic_settings import BranchSettings, ProbabilisticModelSettings


class MbpoSettings(ActorCriticSettings, ProbabilisticModelSettings, BranchSettings):
    """Settings of MBPO (Janner et al. 2019, Table 1 and the authors' code).

    Attributes:
        initial_rows: rows of the first policy before the first update; 5,000, 500 for
            InvertedPendulum, in the authors' code.
        rows_per_refit: new rows between fits of the model; 250 in the authors' code.
        buffer_rows: real rows that are kept; 1,000,000.
        updates_per_row: G, updates of policy and critics per new row; 20, for HalfCheetah 40. The
            first improvement makes those of one regular refit: the first rows are due none.
    """

    initial_rows: int = Field(default=5000, ge=1)
    rows_per_refit: int = Field(default=250, ge=1)
    buffer_rows: int = Field(default=1_000_000, ge=1)
    updates_per_row: float = Field(default=20.0, gt=0, le=100)

    @model_validator(mode="after")
    def _check_reward(self) -> "MbpoSettings":
        if self.learned_reward and (self.reward != "task" or self.relabelled > 0):
            raise ValueError(
                "learned_reward = true imagines the model's rewards, but reward = 'objective' and "
                "relabelled > 0 work them out anew from the task; choose one of the two"
            )
        return self
