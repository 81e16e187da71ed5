"""Settings of a learner whose policy gets a planner around it; checked without torch."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mbctl.algorithms.maac_settings import MaacSettings
from mbctl.algorithms.mal_settings import MalSettings
from mbctl.algorithms.pal_settings import PalSettings
from mbctl.planners.settings import CemSettings, IcemSettings, PlannerSettings


class PlannedSettings(BaseModel):
    """The planner beside a learner's own settings.

    Attributes:
        planner: how it searches; a table whose `method` names a planner, "icem" where it has none.
        explores: episodes that explore are planned too; otherwise the policy explores alone.
        exploration_std: of Gaussian noise on planned actions in episodes that explore, where
            actions span [-1, 1]; no paper plans while it collects, so none gives it.
        shift_steps_max: control steps that a plan is followed when the next one is late.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    planner: PlannerSettings = IcemSettings()
    explores: bool = True
    exploration_std: float = Field(default=0.1, ge=0, le=1)
    shift_steps_max: int = Field(default=2, ge=0, le=100)

    def _check_members(self, members: int) -> None:
        asked = self.planner.members_per_sequence
        if asked > members:
            raise ValueError(
                f"planner.members_per_sequence is {asked}, but plans are made in {members} "
                f"members: must be at most {members}, or 0 for all"
            )


class PalMpcSettings(PalSettings, PlannedSettings):
    """PAL's, and the planner's."""

    @model_validator(mode="after")
    def _members_suffice(self) -> "PalMpcSettings":
        self._check_members(self.members)
        return self


class MalMpcSettings(MalSettings, PlannedSettings):
    """MAL's, and the planner's."""

    @model_validator(mode="after")
    def _members_suffice(self) -> "MalMpcSettings":
        self._check_members(self.members)
        return self


class MaacMpcSettings(MaacSettings, PlannedSettings):
    """MAAC's, and the planner's: CEM from the policy with its deviation, as in the authors' code.

    Attributes:
        planner: horizon 10, 1024 sequences, 8 rounds, a tenth of them elites, smoothing 0.1. Reward
            and discount are the critics', whose value ends the plan.
        explores: the paper plans when it is tested.
    """

    planner: PlannerSettings = CemSettings(
        horizon=10,
        population=1024,
        iterations=8,
        elites=102,
        prior_std=True,
        gamma=0.99,
        reward="task",
    )
    explores: bool = False

    @model_validator(mode="after")
    def _members_suffice(self) -> "MaacMpcSettings":
        self._check_members(self.elites)
        return self

    @model_validator(mode="after")
    def _check_value(self) -> "MaacMpcSettings":
        if self.learned_reward:
            raise ValueError(
                "learned_reward is true: plans are judged by the task's own reward, which the "
                "critics' value behind them would not be of; set it to false"
            )
        for name in ("gamma", "reward"):
            theirs, ours = getattr(self, name), getattr(self.planner, name)
            if theirs != ours:
                raise ValueError(
                    f"planner.{name} is {ours!r} and {name} is {theirs!r}: the critics' value ends "
                    "the plan, so both must count alike"
                )
        return self
