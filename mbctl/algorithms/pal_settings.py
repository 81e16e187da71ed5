"""PAL's settings, checked without torch; each field says the paper's value (Tables 1 and 2)."""

from pydantic import Field

from mbctl.algorithms.game_settings import GameSettings


class PalSettings(GameSettings):
    """Settings of PAL (policy as leader): little recent data, a model fitted to convergence, few
    policy steps. `GameSettings` says what the others mean.

    Attributes:
        initial_rows: N_init, rows before the first refit; 2500.
        rows_per_refit: N, new rows between refits; min(5 episodes, 1000) = 200 for D'Claw.
        buffer_rows: B, rows that models are fitted to; 2500.
        model_epochs: passes over the buffer per refit; 100.
        npg_steps: K, policy steps per refit; 4.
    """

    initial_rows: int = Field(default=2500, ge=1)
    rows_per_refit: int = Field(default=200, ge=1)
    buffer_rows: int | None = Field(default=2500, ge=1)
    model_epochs: int = Field(default=100, ge=1)
    npg_steps: int = Field(default=4, ge=1)
