"""Measurements a joint can really have: an impossible jump or speed never reaches a policy.

Servos have been seen to report -1, or a value one turn off, for a single sample.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hal.dynamixel.angles import ServoAngles, Ticks
from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.units import POSITION_RAD, REALTIME_TICK_MODULUS, TICKS_PER_TURN
from hal.types import Vector

JUMPS_MAX = 3
_SPEED_FACTOR = 3.0
_SLACK_RAD = 4 * POSITION_RAD
_TIMING_SLACK_S = 0.002
_CLOCK_HORIZON_MS = 1000  # a servo's clock that is further on than this has been set anew


class PlausibleMotion:
    """Positions and velocities of N servos, the last good ones where the latest were not.

    Args:
        angles: conversions of the N servos.
        velocity_max_rad_s: [N] three times of it is impossible.
        turning: [N] servos that turn round and round; their angle is unwrapped.

    Attributes:
        position_rad, velocity_rad_s: [N].
        valid: [N] measured in the latest cycle.
        jumps: [N] impossible samples in a row.
        pushes: [N] of them, those that the velocity reported by the servo agrees with.
        spikes: impossible velocities so far.
        rejected: impossible positions so far.
    """

    def __init__(
        self, angles: ServoAngles, velocity_max_rad_s: Vector, turning: Sequence[bool]
    ) -> None:
        count = len(angles.servos)
        self._angles = angles
        self._speed_max = _SPEED_FACTOR * velocity_max_rad_s
        self._turning = np.array(turning, dtype=np.bool_)
        self._ticks: Ticks = np.zeros(count, dtype=np.int64)
        self._accepted_ns: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self._accepted_clock_ms: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.position_rad: Vector = np.zeros(count)
        self.velocity_rad_s: Vector = np.zeros(count)
        self.valid: NDArray[np.bool_] = np.zeros(count, dtype=np.bool_)
        self.jumps: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.pushes: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.spikes = 0
        self.rejected = 0

    def update(self, readings: ServoReadings) -> None:
        """Take in the latest cycle."""
        raw = readings.rows["present_position"].astype(np.int64)
        is_first = self._accepted_ns == 0
        ticks = np.where(self._turning & ~is_first, _nearest_turn(raw, self._ticks), raw)
        position = self._angles.to_rad(ticks)
        clock_ms = readings.rows["realtime_tick"].astype(np.int64)
        elapsed_s = self._elapsed_s(readings.stamp_ns, clock_ms) + _TIMING_SLACK_S
        moved = position - self.position_rad
        possible = np.abs(moved) <= self._speed_max * elapsed_s + _SLACK_RAD
        possible |= is_first
        self.valid = readings.fresh & possible
        wrong = readings.fresh & ~possible
        self.rejected += int(wrong.sum())
        self.jumps[self.valid] = self.pushes[self.valid] = 0
        self.jumps[wrong] += 1
        self.pushes[wrong & self._moves_like(moved, readings)] += 1
        mean_rad_s = np.where(is_first, 0.0, moved / elapsed_s)
        velocity = self._clamp_velocity(readings, mean_rad_s)
        self._ticks = np.where(self.valid, ticks, self._ticks)
        self.position_rad = np.where(self.valid, position, self.position_rad)
        self.velocity_rad_s = np.where(self.valid, velocity, self.velocity_rad_s)
        self._accepted_ns = np.where(self.valid, readings.stamp_ns, self._accepted_ns)
        self._accepted_clock_ms = np.where(self.valid, clock_ms, self._accepted_clock_ms)

    def rewind(self, index: int, near_rad: float) -> None:
        """Count the turns of servo `index` anew, so that its position is nearest to `near_rad`."""
        turn_rad = TICKS_PER_TURN * POSITION_RAD
        turns = round((near_rad - self.position_rad[index]) / turn_rad)
        scale = self._angles.servos[index].scale
        self.position_rad[index] += turns * turn_rad
        self._ticks[index] += round(turns / scale) * TICKS_PER_TURN

    def accept_anything(self, index: int) -> None:
        """Take the next position of servo `index` as it comes."""
        self._accepted_ns[index] = 0
        self.jumps[index] = self.pushes[index] = 0

    def forget(self) -> None:
        """Take the next positions as they come."""
        self._accepted_ns[:] = 0
        self.jumps[:] = self.pushes[:] = 0

    def _elapsed_s(self, stamp_ns: NDArray[np.int64], clock_ms: NDArray[np.int64]) -> Vector:
        """[N] since the last accepted sample, by the host's clock or the servo's: the later one.

        A stamp is of the request. The servo's own clock is of the measurement, which is
        later where the line was busy or the host was held up.
        """
        by_host_s = np.maximum((stamp_ns - self._accepted_ns) / 1e9, 0)
        by_servo_ms = (clock_ms - self._accepted_clock_ms) % REALTIME_TICK_MODULUS
        by_servo_s = np.where(by_servo_ms <= _CLOCK_HORIZON_MS, by_servo_ms / 1e3, 0.0)
        return np.maximum(by_host_s, by_servo_s)

    def _moves_like(self, moved: Vector, readings: ServoReadings) -> NDArray[np.bool_]:
        """[N] whether the speed that a servo reports is in the direction of `moved` [N] rad, and
        more than it is ever commanded: then a push moved it, and its encoder is right."""
        reported = self._angles.velocity_to_rad_s(
            readings.rows["present_velocity"].astype(np.int64)
        )
        return (reported * moved > 0) & (np.abs(reported) > self._speed_max / _SPEED_FACTOR)

    def _clamp_velocity(self, readings: ServoReadings, mean_rad_s: Vector) -> Vector:
        """[N]; one that is impossible, or far from the mean over the step, is replaced by that."""
        velocity = self._angles.velocity_to_rad_s(
            readings.rows["present_velocity"].astype(np.int64)
        )
        spike = (np.abs(velocity) > self._speed_max) | (
            np.abs(velocity - mean_rad_s) > self._speed_max
        )
        self.spikes += int((spike & self.valid).sum())
        return np.where(spike, np.clip(mean_rad_s, -self._speed_max, self._speed_max), velocity)


def _nearest_turn(raw: Ticks, previous: Ticks) -> Ticks:
    """`raw` plus the whole turns that bring it nearest to `previous`."""
    half = TICKS_PER_TURN // 2
    return previous + (raw - previous + half) % TICKS_PER_TURN - half
