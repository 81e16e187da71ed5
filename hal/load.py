"""What joints draw over time: one sample of a current says little about a load.

A motor that starts takes as much as one at a stop, until its back-EMF has grown: 45 ms for the
servos of these robots. So a limit holds for what lasts.
"""

import numpy as np

from hal.types import Vector
from hal.verdict import CurrentLoad

# Time constant of the mean by which steps shrink. By a single sample they would shrink to nothing
# and grow back in turns, against whatever the joint pushes.
_MEAN_S = 0.5
# Of the limit: no sample counts for more, so that one absurd one is forgotten again.
_LARGEST = 2.0
_LARGEST_MA = 100_000.0
_NS_PER_S = 1e9
_NOT_OVER = -1


def current_load(
    before: CurrentLoad | None, current_ma: Vector, limit_ma: Vector, stamp_ns: int
) -> CurrentLoad | None:
    """The load after one more measurement; None where no joint's current is measured.

    Args:
        before: None for the first measurement, which is the mean then.
        current_ma: [J] signed; NaN where not measured.
        limit_ma: [J].
        stamp_ns: of the measurement.
    """
    drawn = np.minimum(np.abs(current_ma), np.minimum(_LARGEST * limit_ma, _LARGEST_MA))
    if np.isnan(drawn).all():
        return None
    over = drawn > limit_ma  # NaN compares false
    if before is None:
        return CurrentLoad(stamp_ns, drawn, np.where(over, stamp_ns, _NOT_OVER))
    elapsed_s = max(0.0, (stamp_ns - before.stamp_ns) / _NS_PER_S)
    share = elapsed_s / (_MEAN_S + elapsed_s)
    old = np.where(np.isnan(before.mean_ma), drawn, before.mean_ma)
    since = np.where(before.over_since_ns == _NOT_OVER, stamp_ns, before.over_since_ns)
    return CurrentLoad(stamp_ns, old + share * (drawn - old), np.where(over, since, _NOT_OVER))


def over_for_s(load: CurrentLoad) -> Vector:
    """[J] for how long each joint's current has been above its limit; 0 where it is not."""
    since = load.over_since_ns
    return np.where(since == _NOT_OVER, 0.0, (load.stamp_ns - since) / _NS_PER_S)
