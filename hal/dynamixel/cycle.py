"""One look at all servos: a single sync read, then one more chance for who did not answer."""

from collections.abc import Callable, Sequence

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.packet import STATUS_OVERHEAD_BYTES
from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.servo import Servo
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.state_block import BLOCK, BlockLayout

_FIRST_SHARE = 0.65  # of the budget; a silent servo leaves the rest for the retry
_FLOOD_FACTOR = 1.5  # more noise than so many times all answers is nothing that servos sent


class StateCycle:
    """Reads N servos within a budget of time.

    Args:
        bus: opened.
        servos: in the order of the readings.
        settings: budget, and whether fast reads may be used.
        now_ns: monotonic clock.
        layout: where the block is read; may be changed between cycles.
    """

    def __init__(
        self,
        bus: ServoBus,
        servos: Sequence[Servo],
        settings: BusSettings,
        now_ns: Callable[[], int],
        layout: BlockLayout,
    ) -> None:
        self._bus = bus
        self._now_ns = now_ns
        self._budget_s = settings.cycle_budget_s
        self.layout = layout
        self._index = {servo.id: index for index, servo in enumerate(servos)}
        self._can_read_fast = settings.fast_reads and all(s.has_fast_reads for s in servos)
        self.readings = ServoReadings(len(servos))
        self.foreign = 0
        self.flooded_in_a_row = 0

    def run(self) -> ServoReadings:
        """One cycle; who is missing afterwards has a higher count of misses.

        Raises:
            PortError: the port is gone or takes no bytes.
        """
        readings = self.readings
        readings.begin()
        started_ns = self._now_ns()
        budget_ns = round(max(self._budget_s, self.layout.budget_min_s) * 1e9)
        deadline_ns = started_ns + budget_ns
        noise = self._noise()
        first_ns = started_ns + round(_FIRST_SHARE * budget_ns)
        missing = self._read(self._order(), started_ns, first_ns, fast=self._may_read_fast())
        if missing:
            self._retry(missing, deadline_ns)
        readings.end()
        is_flooded = self._noise() - noise > self._flood_bytes()
        self.flooded_in_a_row = self.flooded_in_a_row + 1 if is_flooded else 0
        return readings

    def _order(self) -> list[int]:
        """Ids to read: silent servos last, rotated each cycle.

        Some chains of answers end at a servo that stays silent.
        """
        misses = dict(zip(self._index, self.readings.misses.tolist(), strict=True))
        silent = [servo_id for servo_id in self._index if misses[servo_id] > 0]
        answering = [servo_id for servo_id in self._index if misses[servo_id] == 0]
        turn = max(misses.values()) % max(1, len(silent))
        return answering + silent[turn:] + silent[:turn]

    def _may_read_fast(self) -> bool:
        """Whether no servo is silent: one would lose the whole answer to a fast read."""
        return self._can_read_fast and not self.readings.misses.any()

    def _retry(self, missing: list[int], deadline_ns: int) -> None:
        """Read servos without an answer again, within the time left.

        All of them where none answered: a broken fast answer does not tell which servo is silent.
        Then the missing but the first in one chain, then the first alone.
        """
        if len(missing) == len(self._index):
            missing = self._read_again(missing[1:] + missing[:1], deadline_ns)
        for ids in (missing[1:], missing[:1]):
            self._read_again(ids, deadline_ns)

    def _read_again(self, ids: list[int], deadline_ns: int) -> list[int]:
        now_ns = self._now_ns()
        if not ids or now_ns >= deadline_ns:
            return ids
        self._bus.counters.retries += 1
        return self._read(ids, now_ns, deadline_ns, fast=False)

    def _read(self, ids: list[int], stamp_ns: int, deadline_ns: int, *, fast: bool) -> list[int]:
        layout = self.layout
        reply = self._bus.sync_read(
            ids, layout.address, layout.dtype.itemsize, deadline_ns=deadline_ns, fast=fast
        )
        for servo_id, data in reply.data.items():
            self.readings.take(self._index[servo_id], data, stamp_ns, layout.dtype)
        self.foreign += reply.foreign
        return list(reply.missing)

    def _flood_bytes(self) -> float:
        answer = self.layout.dtype.itemsize + STATUS_OVERHEAD_BYTES
        return _FLOOD_FACTOR * answer * len(self._index)

    def _noise(self) -> int:
        counters = self._bus.counters
        return counters.skipped_bytes + BLOCK.itemsize * counters.foreign_packets
