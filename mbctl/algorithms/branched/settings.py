"""Settings of MBPO, MAAC and DDPPO, checked without torch; each field says the paper's value.

Defaults of what they share are MBPO's (Janner et al. 2019, Table 1 and their code).
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mbctl.algorithms.registry import algorithm
from mbctl.algorithms.sac.settings import ActorCriticSettings
from mbctl.tasks.task import Task


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


class RolloutSettings(BaseModel):
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
    def _check_schedule(self) -> "RolloutSettings":
        first, last, begin, end = self.horizon_schedule
        if first < 1 or last < 1 or not 0 <= begin <= end:
            raise ValueError(
                f"horizon_schedule {self.horizon_schedule}, must be (steps, steps, epoch, epoch) "
                "with steps of at least 1 and epochs in order"
            )
        return self


class BranchedSettings(ActorCriticSettings, ProbabilisticModelSettings, RolloutSettings):
    """An actor-critic that learns from rollouts branched off real states.

    Attributes:
        initial_rows: rows of the first policy before the first refit; 5,000 in the code of each.
        rows_per_refit: new rows between fits of the model; 250 in the code of MBPO and DDPPO.
        buffer_rows: real rows that are kept; 1,000,000.
        updates_per_row: updates of policy and critics per new row; MBPO's 20. The first improvement
            makes those of one regular refit, whatever came before it.
    """

    initial_rows: int = Field(default=5000, ge=1)
    rows_per_refit: int = Field(default=250, ge=1)
    buffer_rows: int | None = Field(default=1_000_000, ge=1)
    updates_per_row: float = Field(default=20.0, gt=0, le=100)

    def check_task(self, task: Task) -> None:
        """As `AlgorithmSettings`: no model can learn a reward that depends on a goal."""
        if self.learned_reward and task.goal_names:
            raise ValueError(
                f"learned_reward = true: the reward of {task.name!r} depends on its goal "
                f"({', '.join(task.goal_names)}), which a dynamics model does not see; set it to "
                "false"
            )
        super().check_task(task)

    @model_validator(mode="after")
    def _check_reward(self) -> "BranchedSettings":
        if self.learned_reward and (self.reward != "task" or self.relabelled > 0):
            raise ValueError(
                "learned_reward = true imagines the model's rewards, but reward = 'objective' and "
                "relabelled > 0 work them out anew from the task; choose one of the two"
            )
        return self


class PathSettings(BranchedSettings):
    """One of them whose policy is improved along its own paths in a model.

    Attributes:
        horizon: H, model steps through which the policy is improved.
        policy_gradient_norm: the policy's gradient is cut to that length; None does not cut.
    """

    horizon: int = Field(ge=0, le=100)
    policy_gradient_norm: float | None = Field(gt=0)


@algorithm("mbpo", learner="mbctl.algorithms.branched.mbpo:Mbpo")
class MbpoSettings(BranchedSettings):
    """Settings of MBPO (Janner et al. 2019, Table 1 and the authors' code).

    Attributes:
        initial_rows: rows of the first policy before the first update; 5,000, 500 for
            InvertedPendulum, in the authors' code.
        rows_per_refit: new rows between fits of the model; 250 in the authors' code.
        updates_per_row: G, updates of policy and critics per new row; 20, for HalfCheetah 40. The
            first improvement makes those of one regular refit: the first rows are due none.
    """

    updates_per_row: float = Field(default=20.0, gt=0, le=100)


@algorithm("maac", learner="mbctl.algorithms.branched.maac:Maac")
class MaacSettings(PathSettings):
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


@algorithm("ddppo", learner="mbctl.algorithms.branched.ddppo:Ddppo")
class DdppoSettings(PathSettings):
    """Settings of DDPPO (Li et al. 2022, Table 1 and appendix B.2.2).

    Attributes:
        initial_rows: rows of the first policy before the first update; 5,000, 200 for
            InvertedPendulum.
        rows_per_refit: new rows between fits of the models; 250.
        updates_per_row: updates of policy and critics per new row, G_1 and G_2; 10 each. The first
            improvement makes those of one regular refit: the first rows are due none.
        horizon: H, model steps through which the policy is improved; 3, for Hopper 2.
        gradient_weight: w, of the gradient loss; 10 InvertedPendulum, 50 Hopper, 0.1 Walker2d, Ant,
            Humanoid, 1 HalfCheetah. 0 leaves it out.
        neighbours: n, directions in which it looks; 10 InvertedPendulum, 25 Hopper, Walker2d,
            HalfCheetah, 5 Ant, Humanoid.
        neighbour_rows: newest rows, images included, among which neighbours are; 10,000 in the
            authors' code.
        neighbour_radius: root mean square over the standardised inputs beyond which a neighbour is
            too far to tell of a derivative; None, as in the paper, takes any.
        directions_per_step: how many of the n, drawn at random, each gradient step looks in, which
            costs less and is the same on average; None, as in the paper, takes all.
        policy_gradient_norm: the policy's gradient is cut to that length; None does not cut. The
            authors' code cuts each entry at 5.
    """

    updates_per_row: float = Field(default=10.0, gt=0, le=100)
    horizon: int = Field(default=3, ge=0, le=100)
    gradient_weight: float = Field(default=1.0, ge=0)
    neighbours: int = Field(default=10, ge=1)
    neighbour_rows: int = Field(default=10_000, ge=2)
    neighbour_radius: float | None = Field(default=None, gt=0)
    directions_per_step: int | None = Field(default=None, ge=1)
    policy_gradient_norm: float | None = Field(default=5.0, gt=0)
