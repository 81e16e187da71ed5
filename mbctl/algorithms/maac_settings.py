"""Settings of MAAC, checked without torch; each field says the paper's value or its code's."""

from typing import Literal

from pydantic import Field

from mbctl.algorithms.branched_settings import BranchedSettings


class MaacSettings(BranchedSettings):
    """Settings of MAAC (Clavera et al. 2020; the paper has no table, so values are the code's).

    Attributes:
        initial_rows: rows of the first policy before the first refit; 5,000 random steps.
        rows_per_refit: new rows between refits; 1,000, one trajectory.
        members, elites: 8 models, all of which are asked.
        model_weight_decay: none.
        updates_per_row: G_2 / rows_per_refit, gradient steps of policy and critics per new row; 8.
            What came before the first refit is worth as many as one refit's rows.
        rollout_blocks: into how many parts an improvement is divided, each of which begins with
            `rollouts` new rollouts of the policy of that moment; 4.
        retained_refits: of how many of these parts imagined rows are kept; 4.
        horizon: H, model steps through which the policy is improved; 4 for Hopper, HalfCheetah and
            Ant, 2 for Walker2d. 0 is SAC's objective.
        terminal_actions: actions at s_H whose values are averaged; 5.
        entropy: whose entropy is rewarded: that of the first action alone ("first", the code), of
            every action on the path ("path", the return that a soft value stands for), of none.
        policy_gradient_norm: the policy's gradient is cut to that length; None does not cut, as
            the code does not.
        expansion_horizon: model steps in the critics' targets; 2. 0 leaves STEVE out.
        expansion_share: share of the elites, drawn anew for each horizon, that targets ask; half.
        model_noise: draw states from the model's Gaussians, on the path and in the targets; off
            takes their means.
    """

    rows_per_refit: int = Field(default=1000, ge=1)
    members: int = Field(default=8, ge=1, le=64)
    elites: int = Field(default=8, ge=1, le=64)
    model_weight_decay: tuple[float, ...] = ()
    updates_per_row: float = Field(default=8.0, gt=0, le=100)
    rollout_blocks: int = Field(default=4, ge=1)
    horizon: int = Field(default=4, ge=0, le=100)
    terminal_actions: int = Field(default=5, ge=1)
    entropy: Literal["path", "first", "none"] = "first"
    policy_gradient_norm: float | None = Field(default=10.0, gt=0)
    expansion_horizon: int = Field(default=2, ge=0, le=100)
    expansion_share: float = Field(default=0.5, gt=0, le=1)
    model_noise: bool = True
