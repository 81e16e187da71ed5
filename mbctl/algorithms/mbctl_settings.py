"""Settings of `mbctl`, our own member of the family, made for few rows.

PAL's two players with a planner between policy and robot. What the papers do not have comes from
readings on D'Claw Turn: policies, not models, are the weak player early on, and the costs of pose
and velocity trap a planner with a short horizon. README.md in this folder says what each part
brings.
"""

from typing import Literal

from pydantic import Field

from mbctl.algorithms.planned_settings import PalMpcSettings
from mbctl.planners.settings import IcemSettings, PlannerSettings


class MbctlSettings(PalMpcSettings):
    """PAL's settings and the planner's, with defaults of our own.

    Attributes:
        initial_rows: few, because the planner finds better data than an untrained policy does.
    """

    initial_rows: int = Field(default=800, ge=1)
    rows_per_refit: int = Field(default=200, ge=1)
    buffer_rows: int | None = Field(default=10_000, ge=1)
    recency_half_life: int = Field(default=4_000, ge=0)
    symmetry: bool = True
    model_hidden: tuple[int, ...] = (256, 256)
    model_kinematics: bool = True
    model_learning_rate: float = Field(default=0.002, gt=0)
    model_epochs: int = Field(default=16, ge=1)
    model_steps_min: int = Field(default=200, ge=1)
    model_noise: float = Field(default=0.5, ge=0, le=10)
    fresh_goals: bool = True
    imagined_reward: Literal["task", "objective"] = "objective"
    mirrored_policy: bool = True
    fisher_rows: int = Field(default=4_000, ge=1)
    value_batch: int = Field(default=512, ge=1)
    exploration_std: float = Field(default=0.0, ge=0, le=1)
    planner: PlannerSettings = IcemSettings(
        horizon=10, population=96, iterations=2, elites=8, initial_std=0.5
    )
