"""Settings of SAC, checked without torch; each field says the paper's value."""

from pydantic import Field

from mbctl.algorithms.actor_critic_settings import ActorCriticSettings


class SacSettings(ActorCriticSettings):
    """Settings of SAC.

    Attributes:
        initial_rows: rows of the first policy before the first update; 1000 random steps in the
            authors' code.
        rows_per_refit: new rows between blocks of updates; 1 in the paper.
        buffer_rows: rows that are kept; 1,000,000.
        updates_per_row: gradient steps per new row; 1. Each draws `batch` rows, and the trainer
            starts no refit beyond its samples_per_insert_limit.
    """

    initial_rows: int = Field(default=1000, ge=1)
    rows_per_refit: int = Field(default=40, ge=1)
    buffer_rows: int = Field(default=1_000_000, ge=1)
    updates_per_row: float = Field(default=1.0, gt=0, le=100)
