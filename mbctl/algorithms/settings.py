"""What the settings of every algorithm have; checked without torch."""

from pydantic import BaseModel, ConfigDict, Field

from mbctl.tasks.task import Task


class AlgorithmSettings(BaseModel):
    """How many rows an algorithm waits for, and how many it keeps.

    Attributes:
        initial_rows: valid training rows before the first refit.
        rows_per_refit: new rows between refits.
        buffer_rows: rows that the replay keeps; None keeps all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    initial_rows: int = Field(ge=1)
    rows_per_refit: int = Field(ge=1)
    buffer_rows: int | None = Field(ge=1)

    def check_task(self, task: Task) -> None:
        """Make sure that these settings ask of the task only what it has.

        Raises:
            ValueError: they do not; the message begins with the name of the setting.
        """
