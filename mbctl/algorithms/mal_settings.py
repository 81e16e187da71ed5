"""MAL's settings, checked without torch; each field says the paper's value (Tables 1 and 3)."""

from pydantic import Field

from mbctl.algorithms.game_settings import GameSettings


class MalSettings(GameSettings):
    """Settings of MAL (model as leader): all data, a few passes over it, many policy steps.
    `GameSettings` says what the others mean.

    Attributes:
        initial_rows: N_init, rows before the first refit; 5000.
        rows_per_refit: N, new rows between refits; min(20 episodes, 3000) = 800 for D'Claw.
        buffer_rows: B, rows that models are fitted to; infinite: null keeps all.
        model_epochs: passes over the buffer per refit; 10.
        npg_steps: K, policy steps per refit; 25.
    """

    initial_rows: int = Field(default=5000, ge=1)
    rows_per_refit: int = Field(default=800, ge=1)
    buffer_rows: int | None = Field(default=None, ge=1)
    model_epochs: int = Field(default=10, ge=1)
    npg_steps: int = Field(default=25, ge=1)
