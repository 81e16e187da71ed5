"""Which planned action belongs to a step, when plans may come late; without torch, for the loop."""

import numpy as np
from numpy.typing import NDArray

Actions = NDArray[np.float32]


class PlanFollower:
    """Follows the newest plan of an episode.

    Args:
        shift_steps_max: steps that a plan is followed beyond the one it was made for.
    """

    def __init__(self, shift_steps_max: int) -> None:
        self._shift_max = shift_steps_max
        self._actions: Actions | None = None
        self._step = 0

    def begin(self) -> None:
        """Another episode: there is no plan yet."""
        self._actions = None

    def take(self, step: int, actions: Actions) -> None:
        """A plan [H, A], row 0 of which is for `step`; one for an earlier step is not newer."""
        if self._actions is None or step >= self._step:
            self._step, self._actions = step, actions

    def lateness(self, step: int) -> int | None:
        """Steps by which the newest plan is behind; 0: it is for `step`, None: there is none."""
        return None if self._actions is None else max(0, step - self._step)

    def action(self, step: int) -> Actions | None:
        """What the newest plan does at `step` [A]; None where it may not be followed that far."""
        if self._actions is None or not 0 <= step - self._step < len(self._actions):
            return None
        late = step - self._step
        return None if late > self._shift_max else self._actions[late]


def explored(action: Actions, std: float, rng: np.random.Generator | None) -> Actions:
    """A planned action [A] as it is carried out: clipped, with noise where there is an `rng`."""
    if rng is None or std == 0:
        return action.astype(np.float32)
    noise = rng.standard_normal(action.shape, dtype=np.float32)
    return np.clip(action + np.float32(std) * noise, -1, 1).astype(np.float32)
