"""Settings of a learner whose policy gets a planner around it; checked without torch."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mbctl.algorithms.mal_settings import MalSettings
from mbctl.algorithms.pal_settings import PalSettings
from mbctl.planners.settings import (
    CemSettings,
    IcemSettings,
    MppiSettings,
    PlannerSettings,
    search_settings,
)


class PlannedSettings(BaseModel):
    """The planner beside a learner's own settings.

    Attributes:
        planner: how it searches; a table with `method` "icem", "cem" or "mppi".
        exploration_std: of Gaussian noise on planned actions in episodes that explore, where
            actions span [-1, 1]; no paper plans while it collects, so none gives it.
        shift_steps_max: control steps that a plan is followed when the next one is late.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    planner: PlannerSettings = IcemSettings()
    exploration_std: float = Field(default=0.1, ge=0, le=1)
    shift_steps_max: int = Field(default=2, ge=0, le=100)

    @field_validator("planner", mode="before")
    @classmethod
    def _with_method(cls, value: Any) -> CemSettings | IcemSettings | MppiSettings:
        return search_settings(value) if isinstance(value, Mapping) else value


class PalMpcSettings(PalSettings, PlannedSettings):
    """PAL's, and the planner's."""


class MalMpcSettings(MalSettings, PlannedSettings):
    """MAL's, and the planner's."""
