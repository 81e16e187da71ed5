"""BR's settings, checked without torch. The paper gives the principle; the sizes are ours."""

from pydantic import Field

from mbctl.algorithms.game_settings import SimultaneousSettings


class BrSettings(SimultaneousSettings):
    """Settings of best response: each player goes as far as PAL's and MAL's follower.
    `GameSettings` says what the others mean.

    Attributes:
        initial_rows: rows before the first refit; 5000 as MAL.
        rows_per_refit: new rows between refits, all that a refit sees; 800 as MAL.
        buffer_rows: rows that are kept, for the starts of rollouts; 5000.
        model_epochs: passes over the new rows per refit; 100 as PAL.
        npg_steps: policy steps per refit; 25 as MAL.
    """

    initial_rows: int = Field(default=5000, ge=1)
    rows_per_refit: int = Field(default=800, ge=1)
    buffer_rows: int | None = Field(default=5000, ge=1)
    model_epochs: int = Field(default=100, ge=1)
    npg_steps: int = Field(default=25, ge=1)
