"""GDA's settings, checked without torch. The paper gives the principle; the sizes are ours."""

from pydantic import Field

from mbctl.algorithms.game_settings import SimultaneousSettings


class GdaSettings(SimultaneousSettings):
    """Settings of gradient descent ascent: a small step of each player on little new data.
    `GameSettings` says what the others mean.

    Attributes:
        initial_rows: rows before the first refit; 2500 as PAL.
        rows_per_refit: new rows between refits; 200 as PAL.
        buffer_rows: rows that the model step draws from; null keeps all.
        model_epochs: passes over the buffer per refit; 1.
        model_steps_min, model_steps_max: bounds on gradient steps per refit; 1 and 100. The
            paper's least number of steps for the others, 100, is the most that is conservative.
        npg_steps: policy steps per refit; 1.
    """

    initial_rows: int = Field(default=2500, ge=1)
    rows_per_refit: int = Field(default=200, ge=1)
    buffer_rows: int | None = Field(default=None, ge=1)
    model_epochs: int = Field(default=1, ge=1)
    model_steps_min: int = Field(default=1, ge=1)
    model_steps_max: int = Field(default=100, ge=1)
    npg_steps: int = Field(default=1, ge=1)
