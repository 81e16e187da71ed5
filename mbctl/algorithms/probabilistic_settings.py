"""Settings of probabilistic ensembles and of rollouts that branch off real states; no torch.

MBPO, MAAC and DDPPO share them. Defaults are MBPO's (Janner et al. 2019, Table 1 and their code).
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ProbabilisticModelSettings(BaseModel):
    """The ensemble and its fit.

    Attributes:
        members, elites: ensemble size, 7, and how many of them draw steps, 5.
        model_hidden: widths of the hidden layers; four of 200, of 400 for Humanoid.
        model_activation: "silu" in the authors' code.
        model_learning_rate, model_batch: Adam's 1e-3; 256 rows per member.
        model_weight_decay: of each layer's weights; 2.5e-5, 5e-5, 7.5e-5, 7.5e-5, 1e-4 in the
            authors' code. With other than four hidden layers give one entry per layer, or none.
        model_bounds_trainable, model_bounds_weight: learn the bounds of the log-variance, drawn
            together by that weight; on, 0.01.
        model_bootstrap: each member is fitted to rows drawn with replacement; on.
        model_holdout, model_holdout_rows: share of rows held out, 0.2, and the most of them, 5,000.
        model_patience, model_gain: a fit ends when no member's score has got better by more than
            that share for more than so many epochs; 5 and 0.01.
        model_patience_steps: and for at least so many gradient steps; 0, which is the paper. Where
            rows are few, an epoch is only a few steps.
        model_warm_up: steps over which the learning rate grows in each fit but the first; 0, which
            is the paper.
        model_score: of members on held-out rows: squared error ("mse") or likelihood ("nll", of
            which `model_gain` is in nats).
        model_steps_max: most gradient steps per fit; without bound in the paper.
        model_kinematics: give the model what the robot's known geometry tells; off.
        learned_reward: imagined rewards are the model's, as in the paper; off is the task's own.
            Only for tasks without goals, which a dynamics model does not see.
        recency_half_life: rows after which a row is drawn half as often; 0 draws evenly (paper).
        symmetry: fit to all images of the data under the task's symmetry group; off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    members: int = Field(default=7, ge=1, le=64)
    elites: int = Field(default=5, ge=1, le=64)
    model_hidden: tuple[int, ...] = (200, 200, 200, 200)
    model_activation: Literal["relu", "silu"] = "silu"
    model_learning_rate: float = Field(default=1e-3, gt=0)
    model_batch: int = Field(default=256, ge=1)
    model_weight_decay: tuple[float, ...] = (2.5e-5, 5e-5, 7.5e-5, 7.5e-5, 1e-4)
    model_bounds_trainable: bool = True
    model_bounds_weight: float = Field(default=0.01, ge=0)
    model_bootstrap: bool = True
    model_holdout: float = Field(default=0.2, ge=0, lt=1)
    model_holdout_rows: int = Field(default=5000, ge=0)
    model_patience: int = Field(default=5, ge=0)
    model_patience_steps: int = Field(default=0, ge=0)
    model_warm_up: int = Field(default=0, ge=0)
    model_gain: float = Field(default=0.01, ge=0)
    model_score: Literal["mse", "nll"] = "mse"
    model_steps_max: int = Field(default=1_000_000, ge=1)
    model_kinematics: bool = False
    learned_reward: bool = False
    recency_half_life: int = Field(default=0, ge=0)
    symmetry: bool = False

    @model_validator(mode="after")
    def _check_model(self) -> "ProbabilisticModelSettings":
        if self.elites > self.members:
            raise ValueError(f"elites = {self.elites}, must be at most members = {self.members}")
        layers = len(self.model_hidden) + 1
        if len(self.model_weight_decay) not in (0, layers):
            raise ValueError(
                f"model_weight_decay has {len(self.model_weight_decay)} entries for {layers} "
                f"layers (model_hidden has {layers - 1}): give {layers}, or none"
            )
        if self.recency_half_life and not self.model_bootstrap:
            raise ValueError(
                f"recency_half_life = {self.recency_half_life} draws rows, which takes "
                "model_bootstrap = true; set it to 0 for fits to every row alike"
            )
        if any(amount < 0 for amount in self.model_weight_decay):
            raise ValueError("model_weight_decay must not be negative")
        return self


class BranchSettings(BaseModel):
    """Rollouts that branch off real states.

    Attributes:
        rollouts: starts of imagined rollouts per refit; 400 per environment step, so 100,000.
        horizon_schedule: (x, y, a, b): rollouts of x steps up to epoch a, of y from epoch b on,
            linear in between; 1, 1, 20, 100.
        epoch_rows: real rows that make an epoch; 1,000.
        retained_refits: imagined rows of the last so many refits are kept; one epoch's, so 4.
        intermediate_fraction: share of rollouts that start inside real episodes, the rest at their
            first states; 1, which is any state.
        fresh_goals: draw a new goal for each rollout; off.
        real_share: of each mini-batch that policy and critics learn from; 0.05 in the authors'
            code.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rollouts: int = Field(default=100_000, ge=1)
    horizon_schedule: tuple[int, int, float, float] = (1, 1, 20.0, 100.0)
    epoch_rows: int = Field(default=1000, ge=1)
    retained_refits: int = Field(default=4, ge=1)
    intermediate_fraction: float = Field(default=1.0, ge=0, le=1)
    fresh_goals: bool = False
    real_share: float = Field(default=0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _check_schedule(self) -> "BranchSettings":
        first, last, begin, end = self.horizon_schedule
        if first < 1 or last < 1 or not 0 <= begin <= end:
            raise ValueError(
                f"horizon_schedule {self.horizon_schedule}, must be (steps, steps, epoch, epoch) "
                "with steps of at least 1 and epochs in order"
            )
        return self
