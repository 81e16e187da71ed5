"""Reads from servos that lie: `python -m tests.hal.dynamixel.fuzz_host PORT COUNT SEED`.

Runs with all real-time measures that are permitted, as the control process does, and says as JSON
what came of `COUNT` answers: half from reads of one servo, half from sync reads of three.
"""

import json
import random
import select
import sys
import time
from dataclasses import asdict

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, ServoStatusError
from hal.dynamixel.port import SerialPort
from hal.realtime import FIFO_PRIORITY, apply_realtime
from tests.hal.dynamixel.fuzz_servos import told

SERVO_IDS = (10, 20, 30)
TIMEOUT_NS = 5_000_000
CALLS_PER_WAIT = 10
REFUSED = (BusTimeoutError, BadStatusError, ServoStatusError)


class Host:
    """Counts right and wrong values, and how far past its deadline each call returned."""

    def __init__(self, path: str, seed: int) -> None:
        self.bus = ServoBus(SerialPort(path), turnaround_s=0.2)
        self.rng = random.Random(seed)
        table = control_table_of(1020)
        self.registers = [one for one in map(table.__getitem__, table.names) if one.size == 4]
        self.asked = self.right = self.wrong = 0
        self.over_ms: list[float] = []
        self.bare_ms: list[float] = []

    def read(self) -> None:
        """One register of one servo."""
        servo_id, register = self.rng.choice(SERVO_IDS), self.rng.choice(self.registers)
        deadline_ns = time.monotonic_ns() + TIMEOUT_NS
        try:
            value = self.bus.read(servo_id, register, deadline_ns=deadline_ns)
        except REFUSED:
            self._took(deadline_ns, 1)
            return
        self._took(deadline_ns, 1)
        self._judge(value == register.decode(told(servo_id, register.address, register.size)))

    def sync_read(self) -> None:
        """Ten bytes of three servos."""
        address = self.rng.randrange(600)
        deadline_ns = time.monotonic_ns() + TIMEOUT_NS
        reply = self.bus.sync_read(SERVO_IDS, address, 10, deadline_ns=deadline_ns)
        self._took(deadline_ns, len(SERVO_IDS))
        for servo_id, data in reply.data.items():
            self._judge(data == told(servo_id, address, 10))

    def bare_wait(self) -> None:
        """What the machine adds to a wait of the same length that does nothing else."""
        deadline_ns = time.monotonic_ns() + TIMEOUT_NS
        select.select([], [], [], TIMEOUT_NS / 1e9)
        self.bare_ms.append((time.monotonic_ns() - deadline_ns) / 1e6)

    def _took(self, deadline_ns: int, answers: int) -> None:
        self.over_ms.append((time.monotonic_ns() - deadline_ns) / 1e6)
        self.asked += answers

    def _judge(self, is_right: bool) -> None:
        self.right += is_right
        self.wrong += not is_right


def percentiles(values: list[float]) -> dict[str, float]:
    """By percentage."""
    ordered = sorted(values)
    return {str(q): ordered[int(q / 100 * (len(ordered) - 1))] for q in (50, 90, 99, 99.9, 100)}


def main(path: str, count: int, seed: int) -> int:
    """Ask until `count` answers were due."""
    host = Host(path, seed)
    rights = asdict(apply_realtime(FIFO_PRIORITY + 10))  # other loops on this machine have that one
    while host.asked < count:
        host.read() if host.asked % 2 else host.sync_read()
        if len(host.over_ms) % CALLS_PER_WAIT == 0:
            host.bare_wait()
    found = {
        "answers": host.asked,
        "calls": len(host.over_ms),
        "right": host.right,
        "wrong": host.wrong,
        "over_ms": percentiles(host.over_ms),
        "bare_wait_over_ms": percentiles(host.bare_ms),
        "real_time": rights,
        "counters": host.bus.counters.as_dict(),
    }
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
