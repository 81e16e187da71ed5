"""Settings of a soft actor-critic, whichever transitions it learns from; no torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ActorCriticSettings(BaseModel):
    """Policy, critics and temperature (Haarnoja et al. 2018, appendix D).

    Attributes:
        batch: rows per gradient step; 256.
        policy_hidden, critic_hidden: widths of the hidden layers, ReLU; 256, 256 each.
        policy_learning_rate, critic_learning_rate, temperature_learning_rate: Adam's; 3e-4 each.
        gamma: discount; 0.99.
        target_rate: tau, with which target networks follow; 0.005.
        initial_temperature: alpha at the beginning; 1.
        learn_temperature: whether alpha is learned (section 5 of the paper) or stays.
        target_entropy: of a learned alpha, nats; None is minus the number of joints.
        reward_scale: factor on every reward; 1.
        layer_norm: layer normalisation in the critics, for many updates per row; off.
        mirrored_policy: learn and act in the task's mirror image where that is its case; off.
        standard_inputs: shift and scale observations by what the first block of rows gives; off.
        relabelled: share of each batch that gets the goal of another row; 0.
        reward: "task" is the task's reward; "objective" leaves out its regularising costs.
        bound_gradient: how actors learn where the robot's velocity bound cuts a request: "exact"
            differentiates the cut, which is 0 beyond it; "straight_through" takes the gradient at
            the action as applied.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
