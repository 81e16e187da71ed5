"""A mirror symmetry of a task as data: which columns swap, which change sign, and when.

A policy that is made to act in the mirror image whenever a chosen column is negative learns one
half of the task and knows the other.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from hal.arrays import array_namespace

Array = Any
Block = tuple[tuple[int, ...], tuple[float, ...]]  # column i of the image is sign[i] * order[i]


def kept(*signs: float) -> Block:
    """Columns that stay in their places."""
    return tuple(range(len(signs))), signs


def joined(*blocks: Block) -> Block:
    """Several blocks of columns side by side as one."""
    order: list[int] = []
    for columns, _ in blocks:
        begin = len(order)
        order += [begin + column for column in columns]
    return tuple(order), tuple(sign for _, signs in blocks for sign in signs)


def image(values: Array, block: Block) -> Array:
    """The image [..., N] of columns [..., N]."""
    xp = array_namespace(values)
    order, sign = block
    signs = xp.asarray(sign, dtype=values.dtype, device=values.device)
    return values[..., list(order)] * signs


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

    @classmethod
    def by_last_column(cls, observation: Block, action: Block) -> "Reflection":
        """The image of O and A columns, chosen by the sign of the last observation column."""
        return cls(
            selector=len(observation[0]) - 1,
            observation_order=observation[0],
            observation_sign=observation[1],
            action_order=action[0],
            action_sign=action[1],
        )

    def flipped(self, observation: Array) -> Array:
        """[..., 1] bool: where the image is to be used instead."""
        return observation[..., self.selector : self.selector + 1] < 0

    def observation(self, observation: Array, flipped: Array) -> Array:
        """The image of the rows [..., O] that are flipped, the others as they are."""
        block = self.observation_order, self.observation_sign
        return array_namespace(observation).where(flipped, image(observation, block), observation)

    def action(self, action: Array, flipped: Array) -> Array:
        """The image of the actions [..., A] that are flipped, the others as they are."""
        block = self.action_order, self.action_sign
        return array_namespace(action).where(flipped, image(action, block), action)
