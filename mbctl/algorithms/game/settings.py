"""Settings of PAL, MAL, GDA and BR (Rajeswaran et al. 2020, Tables 1 to 3), checked without torch.

Each algorithm gives its own schedule: how much data, and how far each player moves on it. Of GDA
and BR the paper gives the principle; their sizes are ours.
"""

from typing import Literal

from pydantic import Field

from mbctl.algorithms.registry import algorithm
from mbctl.algorithms.settings import AlgorithmSettings


class GameSettings(AlgorithmSettings):
    """The two players; a setting's default is the paper's value.

    Attributes:
        initial_rows: N_init, rows before the first refit.
        rows_per_refit: N, new rows between refits.
        buffer_rows: B, rows that are kept; null keeps all.
        members: ensemble size; 4.
        model_hidden: widths of the model's hidden layers; 512, 512.
        model_learning_rate: Adam's; 1e-3.
        model_batch: mini-batch rows per member; 200.
        model_epochs: passes over the buffer per refit.
        model_steps_min, model_steps_max: bounds on gradient steps per refit; 100 and 100,000.
        model_kinematics: give the model what the robot's known geometry tells; off.
        model_noise: Gaussian noise in imagination, in units of the model's error on unseen rows; 0.
        recency_half_life: rows after which a row is drawn half as often; 0 draws evenly (paper).
        symmetry: fit to all images of the data under the task's symmetry group; off.
        policy_hidden: widths of the policy's hidden layers; 64, 64.
        mirrored_policy: the policy acts in the task's mirror image where that is its case; off.
        initial_log_std, minimum_log_std: exploration noise; -1 and no floor given (-3).
        npg_steps: K, policy steps per refit.
        step_size: delta; 0.05.
        rollouts: starts per policy step, each rolled in every member; 200.
        horizon: longest rollout; min(episode, 500).
        intermediate_fraction: share of rollouts that start inside real episodes; 0, or 0.5 for
            the paper's longer gym tasks.
        fresh_goals: draw a new goal for each rollout; off.
        imagined_reward: "task" is the task's reward (paper); "objective" leaves out its
            regularising costs, which can trap a policy before it has solved the task.
        gamma, gae_lambda: 0.995 and 0.97.
        cg_iterations, cg_damping: conjugate gradient; 10 and 1e-4 in the authors' code.
        fisher_rows: rows that the Fisher matrix is estimated on; all.
        value_hidden, value_learning_rate, value_weight_decay, value_epochs, value_batch: the
            baseline; 128, 128 and in the authors' code 1e-3, 1e-3, 1, 128.
    """

    members: int = Field(default=4, ge=1, le=64)
    model_hidden: tuple[int, ...] = (512, 512)
    model_learning_rate: float = Field(default=1e-3, gt=0)
    model_batch: int = Field(default=200, ge=1)
    model_epochs: int = Field(ge=1)
    model_steps_min: int = Field(default=100, ge=1)
    model_steps_max: int = Field(default=100_000, ge=1)
    model_kinematics: bool = False
    model_noise: float = Field(default=0.0, ge=0, le=10)
    recency_half_life: int = Field(default=0, ge=0)
    symmetry: bool = False
    policy_hidden: tuple[int, ...] = (64, 64)
    mirrored_policy: bool = False
    initial_log_std: float = -1.0
    minimum_log_std: float = -3.0
    npg_steps: int = Field(ge=1)
    step_size: float = Field(default=0.05, gt=0)
    rollouts: int = Field(default=200, ge=1)
    horizon: int = Field(default=500, ge=1, le=500)
    intermediate_fraction: float = Field(default=0.0, ge=0, le=1)
    fresh_goals: bool = False
    imagined_reward: Literal["task", "objective"] = "task"
    gamma: float = Field(default=0.995, gt=0, le=1)
    gae_lambda: float = Field(default=0.97, ge=0, le=1)
    cg_iterations: int = Field(default=10, ge=1)
    cg_damping: float = Field(default=1e-4, ge=0)
    fisher_rows: int = Field(default=1_000_000, ge=1)
    value_hidden: tuple[int, ...] = (128, 128)
    value_learning_rate: float = Field(default=1e-3, gt=0)
    value_weight_decay: float = Field(default=1e-3, ge=0)
    value_epochs: int = Field(default=1, ge=1)
    value_batch: int = Field(default=128, ge=1)


class SimultaneousSettings(GameSettings):
    """Settings that GDA and BR share: for them the paper gives principles and no table.

    Attributes:
        initial_model_epochs: passes over the first data, from which M_0 comes; as many as PAL's.
    """

    initial_model_epochs: int = Field(default=100, ge=1)


@algorithm("pal", learner="mbctl.algorithms.game.stackelberg:Pal")
class PalSettings(GameSettings):
    """Settings of PAL (policy as leader): little recent data, a model fitted to convergence, few
    policy steps. `GameSettings` says what the others mean.

    Attributes:
        initial_rows: N_init, rows before the first refit; 2500.
        rows_per_refit: N, new rows between refits; min(5 episodes, 1000) = 200 for D'Claw.
        buffer_rows: B, rows that models are fitted to; 2500.
        model_epochs: passes over the buffer per refit; 100.
        npg_steps: K, policy steps per refit; 4.
    """

    initial_rows: int = Field(default=2500, ge=1)
    rows_per_refit: int = Field(default=200, ge=1)
    buffer_rows: int | None = Field(default=2500, ge=1)
    model_epochs: int = Field(default=100, ge=1)
    npg_steps: int = Field(default=4, ge=1)


@algorithm("mal", learner="mbctl.algorithms.game.stackelberg:Mal")
class MalSettings(GameSettings):
    """Settings of MAL (model as leader): all data, a few passes over it, many policy steps.
    `GameSettings` says what the others mean.

    Attributes:
        initial_rows: N_init, rows before the first refit; 5000.
        rows_per_refit: N, new rows between refits; min(20 episodes, 3000) = 800 for D'Claw.
        buffer_rows: B, rows that models are fitted to; infinite: null keeps all.
        model_epochs: passes over the buffer per refit; 10.
        npg_steps: K, policy steps per refit; 25.
    """

    initial_rows: int = Field(default=5000, ge=1)
    rows_per_refit: int = Field(default=800, ge=1)
    buffer_rows: int | None = Field(default=None, ge=1)
    model_epochs: int = Field(default=10, ge=1)
    npg_steps: int = Field(default=25, ge=1)


@algorithm("gda", learner="mbctl.algorithms.game.simultaneous:Gda")
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


@algorithm("br", learner="mbctl.algorithms.game.simultaneous:Br")
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
