"""What a snapshot says of a planner: its model, its search and what lies behind its horizon.

The weights travel with the policy's, as `model.*` and `value.*`. Who runs the policy alone needs
neither; so nothing here imports a planner, and `search` is checked where one is built.
"""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from mbctl.tasks.task import Task, dynamics_input_width

Width = Annotated[int, Field(ge=1, le=4096)]
Hidden = Annotated[tuple[Width, ...], Field(max_length=16)]
Setting = bool | int | FiniteFloat | Annotated[str, Field(max_length=200)]

TWINS = 2
POSITIVE_WEIGHTS = ("model.input_scale", "model.difference_scale", "value.input_scale")
"""Arrays by which something is divided, or which are units."""


class ValueArchitecture(BaseModel):
    """What the end of a plan is worth.

    Attributes:
        kind: "twin_q" is the smaller of two action values, of the action that the policy's mean
            becomes on the robot. They see what the policy sees: its mirror image too.
        hidden: widths of the hidden layers, ReLU behind each.
        layer_norm: normalise each hidden layer before its ReLU.
        reward_scale: what rewards were multiplied by while the values were learned; a planner that
            counts rewards as they are divides by it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["twin_q"] = "twin_q"
    hidden: Hidden = (256, 256)
    layer_norm: bool = False
    reward_scale: Annotated[FiniteFloat, Field(gt=0)] = 1.0


class PlannerArchitecture(BaseModel):
    """A planner around the policy.

    Planners ask for mean next states, so that is all the model's weights tell: of a probabilistic
    ensemble, its elites and the columns of the mean.

    Attributes:
        model: what the learner fitted.
        members: networks in the snapshot.
        hidden: widths of their hidden layers.
        activation: after each hidden layer.
        kinematic: the networks see what the robot's known geometry tells.
        search: settings of mbctl.planners.settings.
        explores: episodes that explore are planned too; otherwise the policy explores alone.
        exploration_std: of Gaussian noise on planned actions, where actions span [-1, 1], in
            episodes that explore.
        shift_steps_max: control steps that a plan may be followed beyond the one it was made for.
        value: what lies behind the horizon; None is nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Literal["deterministic_ensemble", "probabilistic_ensemble"] = "deterministic_ensemble"
    members: Annotated[int, Field(ge=1, le=64)] = 4
    hidden: Hidden = (512, 512)
    activation: Literal["relu", "silu", "tanh"] = "relu"
    kinematic: bool = False
    search: Annotated[dict[str, Setting], Field(max_length=100)] = Field(default_factory=dict)
    explores: bool = True
    exploration_std: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.0
    shift_steps_max: Annotated[int, Field(ge=0, le=100)] = 2
    value: ValueArchitecture | None = None


def planner_shapes(architecture: PlannerArchitecture, task: Task) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array that the planner adds to a snapshot.

    The model maps (x - input_shift) / input_scale to (difference - difference_shift) /
    difference_scale; its layers are [members, in, out], biases [members, 1, out].
    """
    physical, actions = len(task.physical_names), len(task.robot.joints)
    inputs = dynamics_input_width(task, architecture.kinematic)
    shapes: dict[str, tuple[int, ...]] = {
        "model.input_shift": (inputs,),
        "model.input_scale": (inputs,),
        "model.difference_shift": (physical,),
        "model.difference_scale": (physical,),
    }
    shapes |= _layers("model", architecture.members, (inputs, *architecture.hidden, physical))
    value = architecture.value
    if value is None:
        return shapes
    observations = len(task.observation_names)
    shapes["value.input_shift"] = shapes["value.input_scale"] = (observations,)
    shapes |= _layers("value", TWINS, (observations + actions, *value.hidden, 1))
    for layer, width in enumerate(value.hidden if value.layer_norm else ()):
        shapes[f"value.gains.{layer}"] = shapes[f"value.offsets.{layer}"] = (TWINS, 1, width)
    return shapes


def _layers(part: str, members: int, widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        shapes[f"{part}.layers.{layer}.weight"] = (members, fan_in, fan_out)
        shapes[f"{part}.layers.{layer}.bias"] = (members, 1, fan_out)
    return shapes
