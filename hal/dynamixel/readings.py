"""The newest answer of every servo, each with its own age: a silent one does not hide the rest."""

import numpy as np
from numpy.typing import NDArray

from hal.dynamixel.state_block import BLOCK, RETURN_LEVEL, Rows
from hal.dynamixel.units import REALTIME_TICK_MODULUS

# A servo's clock may be off by a few per cent; over a longer silence it is useless.
_TICK_SLACK_MS = 250
_TICK_DRIFT = 0.02
_TICK_HORIZON_MS = 8_000


class ServoReadings:
    """Counts of N servos.

    Attributes:
        rows: [N] BLOCK, as last answered.
        stamp_ns: [N] when; 0 before the first answer.
        fresh: [N] answered in the latest cycle.
        misses: [N] cycles in a row without an answer.
        restarted: [N] the servo has lost its mapping or its clock has jumped: it was rebooted.
    """

    def __init__(self, count: int) -> None:
        self.rows: Rows = np.zeros(count, dtype=BLOCK)
        self.stamp_ns: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.fresh: NDArray[np.bool_] = np.zeros(count, dtype=np.bool_)
        self.misses: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.restarted: NDArray[np.bool_] = np.zeros(count, dtype=np.bool_)

    def begin(self) -> None:
        """Start a cycle without any answer yet."""
        self.fresh[:] = False
        self.restarted[:] = False

    def take(self, index: int, data: bytes, stamp_ns: int, dtype: np.dtype[np.void]) -> None:
        """The answer of servo `index` in this cycle, laid out as `dtype`."""
        row = np.frombuffer(data, dtype=dtype)[0]
        seen_before = self.stamp_ns[index] > 0
        elapsed_ns = stamp_ns - int(self.stamp_ns[index]) if seen_before else 0
        lost_mapping = int(row["status_return_level"]) != RETURN_LEVEL
        clock_jumped = seen_before and _has_restarted(
            int(self.rows[index]["realtime_tick"]), int(row["realtime_tick"]), elapsed_ns / 1e6
        )
        self.restarted[index] = lost_mapping or clock_jumped
        self.fresh[index] = not lost_mapping  # zeros are no measurement
        if lost_mapping:
            return
        self.rows[index] = row
        self.stamp_ns[index] = stamp_ns

    def end(self) -> None:
        """Count who was missing."""
        self.misses[self.fresh] = 0
        self.misses[~self.fresh] += 1

    def forget(self) -> None:
        """Start anew, as after a reboot or a new connection."""
        self.stamp_ns[:] = 0
        self.misses[:] = 0
        self.fresh[:] = False
        self.restarted[:] = False

    def age_s(self, now_ns: int) -> NDArray[np.float64]:
        """[N] since the last answer; infinite before the first."""
        return np.where(self.stamp_ns > 0, (now_ns - self.stamp_ns) / 1e9, np.inf)


def _has_restarted(tick_ms: int, later_ms: int, elapsed_ms: float) -> bool:
    """Whether a clock that showed `tick_ms` has begun anew: it is behind, and counts from zero.

    One that merely lags, as of a servo that was held up, is not restarted.
    """
    if elapsed_ms > _TICK_HORIZON_MS:
        return False
    slack_ms = _TICK_SLACK_MS + _TICK_DRIFT * elapsed_ms
    half = REALTIME_TICK_MODULUS // 2
    ahead_ms = (later_ms - tick_ms - round(elapsed_ms) + half) % REALTIME_TICK_MODULUS - half
    return abs(ahead_ms) > slack_ms and later_ms <= elapsed_ms + slack_ms
