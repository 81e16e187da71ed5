"""Settings of learners whose policy gets a planner around it, checked without torch."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from mbctl.algorithms.branched.settings import MaacSettings
from mbctl.algorithms.game.settings import MalSettings, PalSettings
from mbctl.algorithms.registry import algorithm
from mbctl.algorithms.settings import AlgorithmSettings
from mbctl.planners.settings import CemSettings, IcemSettings, PlannerSettings

LEARNER = "mbctl.algorithms.planned.planned:build_planned"


class PlannedSettings(AlgorithmSettings):
    """The planner beside a learner's own settings.

    Class attributes:
        learner: name of the algorithm that learns.
        planning_members: name of the setting that says how many members of its model plans are made
            in.
        value_ends_plans: its critics' value is what lies behind the planner's horizon.

    Attributes:
        planner: how it searches; a table whose `method` names a planner, "icem" where it has none.
        explores: episodes that explore are planned too; otherwise the policy explores alone.
        exploration_std: of Gaussian noise on planned actions in episodes that explore, where
            actions span [-1, 1]; no paper plans while it collects, so none gives it.
        shift_steps_max: control steps that a plan is followed when the next one is late.
    """

    learner: ClassVar[str]
    planning_members: ClassVar[str] = "members"
    value_ends_plans: ClassVar[bool] = False

    planner: PlannerSettings = IcemSettings()
    explores: bool = True
    exploration_std: float = Field(default=0.1, ge=0, le=1)
    shift_steps_max: int = Field(default=2, ge=0, le=100)

    @model_validator(mode="after")
    def _members_suffice(self) -> "PlannedSettings":
        asked, members = self.planner.members_per_sequence, getattr(self, self.planning_members)
        if asked > members:
            raise ValueError(
                f"planner.members_per_sequence is {asked}, but plans are made in {members} "
                f"members: must be at most {members}, or 0 for all"
            )
        return self


@algorithm("pal-mpc", learner=LEARNER)
class PalMpcSettings(PalSettings, PlannedSettings):
    """PAL's, and the planner's."""

    learner = "pal"


@algorithm("mal-mpc", learner=LEARNER)
class MalMpcSettings(MalSettings, PlannedSettings):
    """MAL's, and the planner's."""

    learner = "mal"


@algorithm("maac-mpc", learner=LEARNER)
class MaacMpcSettings(MaacSettings, PlannedSettings):
    """MAAC's, and the planner's: CEM from the policy with its deviation, as in the authors' code.

    Attributes:
        planner: horizon 10, 1024 sequences, 8 rounds, a tenth of them elites, smoothing 0.1. Reward
            and discount are the critics', whose value ends the plan.
        explores: the paper plans when it is tested.
    """

    learner = "maac"
    planning_members = "elites"
    value_ends_plans = True

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


@algorithm("mbctl", learner=LEARNER)
class LowDataPalMpcSettings(PalMpcSettings):
    """Settings of `mbctl`, our own member of the family: PAL-MPC with defaults made for few rows.

    What the papers do not have comes from readings on D'Claw Turn: policies, not models, are the
    weak player early on, and the costs of pose and velocity trap a planner with a short horizon.
    README.md in this folder says what each part brings.

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
