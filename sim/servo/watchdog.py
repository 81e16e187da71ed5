"""Bus Watchdog (98): stops a servo whose host has fallen silent.

Which packets feed it is documented as "all instruction packets" only. Whether those for other
servos count is not known, so both readings are on offer and tests run both.
"""

from dataclasses import dataclass
from typing import Literal

from hal.dynamixel.status import WATCHDOG_TRIPPED

Feed = Literal["own", "any"]

_UNIT_NS = 20_000_000


@dataclass(slots=True)
class BusWatchdog:
    """Counts while armed and the torque is on.

    Attributes:
        feed: "any": every instruction packet on the bus counts; "own": only those for this servo
            (broadcasts included).
        limit: register value, 0 off, in 20 ms.
        is_tripped: latched until 0 is written.
    """

    feed: Feed = "any"
    limit: int = 0
    is_tripped: bool = False
    _fed_ns: int = 0

    @property
    def register(self) -> int:
        """What a read of the register gives."""
        return WATCHDOG_TRIPPED if self.is_tripped else self.limit

    def set(self, limit: int, now_ns: int) -> None:
        """A write of the register; 0 also clears a trip."""
        self.limit = limit
        self._fed_ns = now_ns
        if limit == 0:
            self.is_tripped = False

    def pet(self, now_ns: int) -> None:
        """A packet that counts has come, or the torque has just been turned on."""
        self._fed_ns = now_ns

    def check(self, now_ns: int) -> bool:
        """Trip if the time is over; for times when the torque is on. True the moment it trips."""
        if self.is_tripped or self.limit == 0 or now_ns - self._fed_ns <= self.limit * _UNIT_NS:
            return False
        self.is_tripped = True
        return True
