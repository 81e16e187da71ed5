"""A mirror symmetry of a task as data: which columns swap, which change sign, and when.

A policy that is made to act in the mirror image whenever a chosen column is negative learns one
half of the task and knows the other.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from hal.arrays import array_namespace

Array = Any


class Reflection(BaseModel):
    """A mirror image of observations and actions; applying it twice changes nothing.

    Attributes:
        selector: the observation column whose sign tells the two halves apart; it is negated.
        observation_order, observation_sign: image column i is sign[i] * column order[i]; O of each.
        action_order, action_sign: likewise for actions; A of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    selector: int
    observation_order: tuple[int, ...]
    observation_sign: tuple[float, ...]
    action_order: tuple[int, ...]
    action_sign: tuple[float, ...]

    def flipped(self, observation: Array) -> Array:
        """[..., 1] bool: where the image is to be used instead."""
        return observation[..., self.selector : self.selector + 1] < 0

    def observation(self, observation: Array, flipped: Array) -> Array:
        """The image of the rows [..., O] that are flipped, the others as they are."""
        return _image(observation, flipped, self.observation_order, self.observation_sign)

    def action(self, action: Array, flipped: Array) -> Array:
        """The image of the actions [..., A] that are flipped, the others as they are."""
        return _image(action, flipped, self.action_order, self.action_sign)


def _image(values: Array, flipped: Array, order: tuple[int, ...], sign: tuple[float, ...]) -> Array:
    xp = array_namespace(values)
    image = values[..., list(order)] * xp.asarray(sign, dtype=values.dtype)
    return xp.where(flipped, image, values)
