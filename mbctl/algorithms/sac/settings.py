"""Settings of SAC, and of any soft actor-critic, whichever transitions it learns from; no torch."""

from typing import Literal

from pydantic import Field

from mbctl.algorithms.registry import algorithm
from mbctl.algorithms.settings import AlgorithmSettings
from mbctl.tasks.task import Task

# The most entropy per action that tanh of a Gaussian can have, in nats: at mean 0 and deviation
# 0.875. Uniform actions in [-1, 1] would have log 2 = 0.693.
ENTROPY_MAX = 0.6836


class ActorCriticSettings(AlgorithmSettings):
    """Policy, critics and temperature (Haarnoja et al. 2018, appendix D).

    Attributes:
        batch: rows per gradient step; 256.
        policy_hidden, critic_hidden: widths of the hidden layers, ReLU; 256, 256 each.
        policy_learning_rate, critic_learning_rate, temperature_learning_rate: Adam's; 3e-4 each.
        gamma: discount; 0.99.
        target_rate: tau, with which target networks follow; 0.005.
        initial_temperature: alpha at the beginning; 1.
        learn_temperature: whether alpha is learned (section 5 of the paper) or stays.
        target_entropy: of a learned alpha, nats; None is minus the number of joints. Below
            ENTROPY_MAX for each joint: no policy reaches more, so alpha would only grow.
        reward_scale: factor on every reward; 1.
        layer_norm: layer normalisation in the critics, for many updates per row; off.
        mirrored_policy: learn and act in the task's mirror image where that is its case; off.
        standard_inputs: shift and scale observations by what the first block of rows gives; the
            scale of a column that outgrows it three times grows with it; off.
        relabelled: share of each batch that gets the goal of another row; 0.
        reward: "task" is the task's reward; "objective" leaves out its regularising costs.
        bound_gradient: how actors learn where the robot's velocity bound cuts a request: "exact"
            differentiates the cut, which is 0 beyond it; "straight_through" takes the gradient at
            the action as applied.
    """

    batch: int = Field(default=256, ge=1)
    policy_hidden: tuple[int, ...] = (256, 256)
    critic_hidden: tuple[int, ...] = (256, 256)
    policy_learning_rate: float = Field(default=3e-4, gt=0)
    critic_learning_rate: float = Field(default=3e-4, gt=0)
    temperature_learning_rate: float = Field(default=3e-4, gt=0)
    gamma: float = Field(default=0.99, gt=0, le=1)
    target_rate: float = Field(default=0.005, gt=0, le=1)
    initial_temperature: float = Field(default=1.0, gt=0)
    learn_temperature: bool = True
    target_entropy: float | None = None
    reward_scale: float = Field(default=1.0, gt=0)
    layer_norm: bool = False
    mirrored_policy: bool = False
    standard_inputs: bool = False
    relabelled: float = Field(default=0.0, ge=0, le=1)
    reward: Literal["task", "objective"] = "task"
    bound_gradient: Literal["exact", "straight_through"] = "exact"

    def check_task(self, task: Task) -> None:
        """As `AlgorithmSettings`: no policy has the entropy that is asked for.

        Raises:
            ValueError: as `entropy_of`.
        """
        super().check_task(task)
        self.entropy_of(len(task.robot.joints))

    def entropy_of(self, joints: int) -> float:
        """The entropy [nats] that the temperature aims at, for a policy of so many joints.

        Raises:
            ValueError: it is learned, and no policy has that much.
        """
        if self.target_entropy is None:
            return -float(joints)
        limit = ENTROPY_MAX * joints
        if self.learn_temperature and self.target_entropy >= limit:
            raise ValueError(
                f"target_entropy = {self.target_entropy:g}: no policy of {joints} "
                f"joint{'s' * (joints > 1)} has so much, so the temperature would grow without "
                f"end; must be below {limit:.4g}, {ENTROPY_MAX} nats a joint (usual: {-joints})"
            )
        return self.target_entropy


@algorithm("sac", learner="mbctl.algorithms.sac.sac:Sac")
class SacSettings(ActorCriticSettings):
    """Settings of SAC.

    Attributes:
        initial_rows: rows of the first policy before the first update; 1000 random steps in the
            authors' code.
        rows_per_refit: new rows between blocks of updates; 1 in the paper.
        buffer_rows: rows that are kept; 1,000,000.
        updates_per_row: gradient steps per new row; 1. Each draws `batch` rows, and the trainer
            starts no refit beyond its samples_per_insert_limit.
    """

    initial_rows: int = Field(default=1000, ge=1)
    rows_per_refit: int = Field(default=40, ge=1)
    buffer_rows: int | None = Field(default=1_000_000, ge=1)
    updates_per_row: float = Field(default=1.0, gt=0, le=100)
