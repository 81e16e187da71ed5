"""Which array library an array belongs to, told quickly enough for the control loop."""

from typing import Any

import array_api_compat
import numpy as np

Array = Any  # a NumPy array or a torch tensor


def array_namespace(array: Array) -> Any:
    """The module with the array API's functions for `array`: NumPy itself, or torch's wrapper.

    NumPy 2 speaks the array API, and the general look-up costs more than most of what is then
    computed on a single state.
    """
    if isinstance(array, np.ndarray | np.generic):
        return np
    return array_api_compat.array_namespace(array)
