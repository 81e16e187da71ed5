"""How fast the bus is: measured by reading all servos as the driver does, and never writing."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from hal.clock import WallClock
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.errors import BadStatusError, BusTimeoutError
from hal.dynamixel.units import BITS_PER_BYTE
from services.bring_up.finding import Finding, fail, ids, ok, warn
from services.bring_up.serial_ports import latency_remedy
from services.bring_up.target import Target

STATE_ADDRESS, STATE_BYTES = 124, 23  # Present PWM to Present Temperature
GOAL_BYTES = 4
CYCLES = 100
CYCLES_S = 2.0
READ_TIMEOUT_S = 0.1
PINGS = 20
PING_SLOW_MS = 6.0
RATE_GOAL_HZ = 100.0
_ALIKE_MIN, _ALIKE_SHARE = 3, 0.7  # servos that have lost answers, of all
_ALIKE_FACTOR, _ALIKE_CHANCE = 3, 3  # the worst beside the median
_READ_REQUEST, _STATUS, _WRITE_REQUEST = 14, 11, 14


@dataclass(frozen=True, slots=True)
class BusRate:
    """Reads of all servos, one after the other without a pause.

    Attributes:
        servos: how many were read.
        read_ms: [N] each cycle's time, sorted.
        write_ms: what a packet of goals takes on the wire; computed.
        wire_ms: what the bytes of a read take on the wire; computed.
        lost: id to how many of its answers were missing.
        crc_errors, foreign: damaged packets, and packets of others.
        ping_ms: lower quartile of one servo's time to answer a ping, which a busy machine hardly
            changes.
    """

    servos: int
    read_ms: tuple[float, ...]
    write_ms: float
    wire_ms: float
    lost: dict[int, int]
    crc_errors: int
    foreign: int
    ping_ms: float

    def read_quantile_ms(self, q: float) -> float:
        """Quantile of the time for one read of all servos."""
        return self.read_ms[min(int(q * len(self.read_ms)), len(self.read_ms) - 1)]

    @property
    def is_lost_alike(self) -> bool:
        """Whether most servos have lost answers, none of them much more than others."""
        losses = sorted(self.lost.values())
        if len(losses) < max(_ALIKE_MIN, _ALIKE_SHARE * self.servos):
            return False
        return losses[-1] <= _ALIKE_FACTOR * losses[len(losses) // 2] + _ALIKE_CHANCE

    @property
    def rate_hz(self) -> float:
        """Cycles of one read and one write per second, at the median."""
        return 1000 / (self.read_quantile_ms(0.5) + self.write_ms)


def measure_rate(bus: ServoBus, servo_ids: Sequence[int], baud_rate: int) -> BusRate:
    """Read `servo_ids` for two seconds or a hundred times, whichever is first.

    Raises:
        HalError: the port was lost.
    """
    clock = WallClock()
    ping_ms = _ping_ms(bus, servo_ids[0], clock)
    before = bus.counters
    crc_before, foreign_before = before.crc_errors, before.foreign_packets
    times: list[float] = []
    lost = dict.fromkeys(servo_ids, 0)
    end_ns = clock.now_ns() + int(CYCLES_S * 1e9)
    while len(times) < CYCLES and clock.now_ns() < end_ns:
        start_ns = clock.now_ns()
        reply = bus.sync_read(servo_ids, STATE_ADDRESS, STATE_BYTES, timeout_s=READ_TIMEOUT_S)
        times.append((clock.now_ns() - start_ns) / 1e6)
        for servo_id in reply.missing:
            lost[servo_id] += 1
    return BusRate(
        servos=len(servo_ids),
        read_ms=tuple(sorted(times)),
        write_ms=_wire_ms(_WRITE_REQUEST + len(servo_ids) * (1 + GOAL_BYTES), baud_rate),
        wire_ms=_wire_ms(_READ_REQUEST + len(servo_ids) * (1 + _STATUS + STATE_BYTES), baud_rate),
        lost={i: n for i, n in lost.items() if n},
        crc_errors=bus.counters.crc_errors - crc_before,
        foreign=bus.counters.foreign_packets - foreign_before,
        ping_ms=ping_ms,
    )


def _wire_ms(count: int, baud_rate: int) -> float:
    return 1000 * count * BITS_PER_BYTE / baud_rate


def _ping_ms(bus: ServoBus, servo_id: int, clock: WallClock) -> float:
    """Of the pings that are answered; each costs the whole timeout where none is."""
    times = []
    for _ in range(PINGS):
        start_ns = clock.now_ns()
        with contextlib.suppress(BadStatusError, BusTimeoutError):
            bus.ping(servo_id, READ_TIMEOUT_S)
            times.append((clock.now_ns() - start_ns) / 1e6)
    return sorted(times)[len(times) // 4] if times else 1000 * READ_TIMEOUT_S


def rate_findings(rate: BusRate, target: Target) -> list[Finding]:
    """Finding of the measurement."""
    return [_answer_time(rate, target), _rate(rate, target), _losses(rate, target)]


def _answer_time(rate: BusRate, target: Target) -> Finding:
    """Measured, for whatever the driver says of its latency timer, this is what counts."""
    message = f"one servo answers a ping in {rate.ping_ms:.2f} ms"
    if rate.ping_ms <= PING_SLOW_MS:
        return ok("answer time", message)
    message += f", above {PING_SLOW_MS:g} ms: the adapter holds answers back"
    return fail("answer time", message, latency_remedy(target.port))


def _rate(rate: BusRate, target: Target) -> Finding:
    p50, p99 = rate.read_quantile_ms(0.5), rate.read_quantile_ms(0.99)
    message = (
        f"{rate.rate_hz:.0f} cycles a second: {rate.servos} servos read in {p50:.2f} ms p50, "
        f"{p99:.2f} ms p99 ({rate.wire_ms:.2f} ms of it on the wire)"
    )
    period_ms = 1000 * target.bus_period_s
    if p50 + rate.write_ms > period_ms:
        slower_s = 2 * (p50 + rate.write_ms) / 1000
        remedy = (
            "see answer time and return delay in this report; or look less often, "
            f"mbctl controller --set robot.bus.bus_period_s={slower_s:.2f}"
        )
        return fail("bus rate", f"{message}; the controller looks every {period_ms:g} ms", remedy)
    if rate.rate_hz < RATE_GOAL_HZ:
        remedy = (
            "see answer time, return delay and wake-ups in this report, or take a higher baud rate"
        )
        return warn("bus rate", f"{message}; {RATE_GOAL_HZ:g} are usual", remedy)
    return ok("bus rate", message)


def _losses(rate: BusRate, target: Target) -> Finding:
    reads = len(rate.read_ms)
    if not rate.lost and not rate.crc_errors and not rate.foreign:
        return ok("bus errors", f"none in {reads} reads of {rate.servos} servos")
    message = f"in {reads} reads: {_lost(rate, target)}{rate.crc_errors} damaged packets, "
    message += f"{rate.foreign} unasked"
    if rate.is_lost_alike:
        is_bad = sum(rate.lost.values()) > reads * rate.servos // 10
        remedy = (
            "look at what all servos share, no single one: the adapter and its first cable, supply "
            "and ground, noise, other programs on this machine"
        )
    else:
        is_bad = any(n > reads // 10 for n in rate.lost.values())
        remedy = "check plugs and cable up to the first servo named, then the supply"
    return (fail if is_bad else warn)("bus errors", message, remedy)


def _lost(rate: BusRate, target: Target) -> str:
    """Who did not answer; the worst first, unless all are alike."""
    if rate.is_lost_alike:
        least, most = min(rate.lost.values()), max(rate.lost.values())
        return f"answers of all servos alike are lost, {least} to {most} of each; "
    worst = sorted(rate.lost.items(), key=lambda item: -item[1])
    parts = [f"{ids([i])} ({target.name_of(i)}) {n} times" for i, n in worst]
    return f"no answer from {', '.join(parts)}; " if parts else ""
