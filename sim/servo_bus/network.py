"""All servos on one line: who takes an instruction, who answers, in which order.

The order of the answers to a sync or bulk read is kept by the servos themselves: each waits for the
status of the one before it in the list. What it does when that one stays mute is not documented, so
both behaviours can be chosen.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from hal.dynamixel.crc import crc16
from hal.dynamixel.packet import (
    BROADCAST_ID,
    HEAD_BYTES,
    HEADER,
    MAX_PACKET_BYTES,
    MAX_SERVO_ID,
    STATUS_OVERHEAD_BYTES,
    Instruction,
    Packet,
    encode_status,
)
from hal.dynamixel.units import POSITION_RAD, VELOCITY_RAD_S
from sim.servo.servo import Addressing, Reply, VirtualServo
from sim.servo_bus.answer import Answer
from sim.servo_bus.faults import FaultInjector
from sim.servo_bus.requests import (
    Part,
    bulk_read_parts,
    bulk_write_parts,
    sync_read_parts,
    sync_write_parts,
)
from sim.servo_bus.settings import ChainBehaviour
from sim.servo_bus.wire import transmission_ns

_READS = {
    Instruction.SYNC_READ: sync_read_parts,
    Instruction.BULK_READ: bulk_read_parts,
    Instruction.FAST_SYNC_READ: sync_read_parts,
    Instruction.FAST_BULK_READ: bulk_read_parts,
}
_FAST = (Instruction.FAST_SYNC_READ, Instruction.FAST_BULK_READ)
_WRITES = {Instruction.SYNC_WRITE: sync_write_parts, Instruction.BULK_WRITE: bulk_write_parts}
# How long a servo waits, beyond the time of the packet itself, before it gives a mute one up, and
# for how many of them together: a list of ids that nobody has must not hold the line.
CHAIN_WAIT_NS = 100_000
CHAIN_PATIENCE_NS = 250_000_000


@dataclass(frozen=True, slots=True)
class Heard:
    """An instruction as it reached the servos.

    Attributes:
        at_ns: when its last byte had passed.
        baud: of the host, bit/s; servos set to another rate receive noise.
    """

    packet: Packet
    at_ns: int
    baud: int


class ServoNetwork:
    """Servos that share a line.

    Args:
        servos: at the start; faults may add twins.
        faults: what befalls servos and answers.
        chain: what the next servo does when the one before it stays silent.
        turnaround_ns: what a servo needs before its return delay starts; None for servos that
            answer at once, return delay or not.
    """

    def __init__(
        self,
        servos: Iterable[VirtualServo],
        faults: FaultInjector,
        chain: ChainBehaviour = "continue",
        turnaround_ns: int | None = 0,
    ) -> None:
        self.servos = list(servos)
        self._twins: list[VirtualServo] = []
        self._faults = faults
        self._chain = chain
        self._turnaround_ns = turnaround_ns

    def age(self, lost_ns: int) -> None:
        """Let the servos' own clocks go on by what the bus's time has lost in a stall.

        A host compares them with its own to tell a servo that was restarted.
        """
        for servo in (*self.servos, *self._twins):
            servo.booted_ns -= lost_ns

    def set_twins(
        self, ids: Iterable[int | None], make_servo: Callable[[int], VirtualServo]
    ) -> None:
        """Have a second servo for each of `ids`, as a careless person leaves them on a bus."""
        wanted = {servo_id for servo_id in ids if servo_id is not None}
        kept = [servo for servo in self._twins if servo.servo_id in wanted]
        there = {servo.servo_id for servo in kept}
        self._twins = kept + [make_servo(servo_id) for servo_id in sorted(wanted - there)]

    def execute(self, heard: Heard) -> list[Answer]:
        """Deliver an instruction to all servos: the answers in the order on the line.

        A status is none, whoever sends it: to a servo it is what another servo says.
        """
        if heard.packet.is_status:
            return []
        listening = [s for s in (*self.servos, *self._twins) if self._hears(s, heard)]
        for servo in listening:
            servo.hear(heard.at_ns)
        packet = heard.packet
        if packet.instruction in _READS:
            parts = _READS[Instruction(packet.instruction)](packet)
            if packet.instruction in _FAST:
                return self._fast_read(listening, parts, heard)
            return self._chained_read(listening, parts, heard)
        if packet.instruction in _WRITES:
            _write(listening, _WRITES[Instruction(packet.instruction)](packet), heard.at_ns)
            return []
        return self._single(listening, heard)

    def _hears(self, servo: VirtualServo, heard: Heard) -> bool:
        if servo.baud_rate != heard.baud:
            return False
        return self._faults.is_empty or not self._faults.befalls("mute", servo.servo_id)

    def _single(self, listening: Sequence[VirtualServo], heard: Heard) -> list[Answer]:
        """An instruction to one servo, or to all: a ping to all is answered in order of IDs."""
        slots: dict[int, list[Answer]] = {}
        for servo in listening:
            asked_id = servo.servo_id  # the instruction may change it; the status carries this one
            reply = self._told(servo, heard)
            if reply is not None:
                slots.setdefault(asked_id, []).append(self._answer(servo, asked_id, reply))
        return [answer for slot in sorted(slots) for answer in self._collide(slots[slot], heard)]

    def _told(self, servo: VirtualServo, heard: Heard) -> Reply | None:
        packet = heard.packet
        addressed = servo.addressed(packet.servo_id)
        if addressed is Addressing.OTHER:
            return None
        to_all, shadow = addressed is Addressing.ALL, addressed is Addressing.SHADOW
        arguments = packet.instruction, packet.parameters, heard.at_ns, to_all
        if packet.instruction == Instruction.READ:
            with self._falsified(servo):
                return servo.handle(*arguments, is_shadow=shadow)
        own_id = servo.servo_id
        reply = servo.handle(*arguments, is_shadow=shadow)
        if packet.instruction == Instruction.REBOOT and self._faults.strikes("deaf_reboot", own_id):
            return None
        return reply

    def _chained_read(
        self, listening: Sequence[VirtualServo], parts: Sequence[Part], heard: Heard
    ) -> list[Answer]:
        owners = _owners(listening)
        answers: list[Answer] = []
        waited_ns = 0
        for part in parts:
            there = owners.get(part.servo_id, ())
            slot = [answer for servo in there for answer in self._read(servo, part, heard)]
            if not slot:
                if self._chain == "stop":
                    break
                waited_ns += transmission_ns(_status_bytes(part), heard.baud) + CHAIN_WAIT_NS
                if waited_ns > CHAIN_PATIENCE_NS:
                    break
                continue
            answers += self._collide([_later(one, waited_ns) for one in slot], heard)
            waited_ns = 0
        return answers

    def _read(self, servo: VirtualServo, part: Part, heard: Heard) -> list[Answer]:
        reply = self._reply(servo, part, heard)
        return [] if reply is None else [self._answer(servo, servo.servo_id, reply)]

    def _reply(self, servo: VirtualServo, part: Part, heard: Heard) -> Reply | None:
        if self._faults.is_empty:
            return servo.read_for_sync(part.address, part.length, heard.at_ns)
        with self._falsified(servo):
            return servo.read_for_sync(part.address, part.length, heard.at_ns)

    def _fast_read(
        self, listening: Sequence[VirtualServo], parts: Sequence[Part], heard: Heard
    ) -> list[Answer]:
        """One packet, continued by servo after servo; never stuffed, its checksum runs on."""
        length = 1 + sum(4 + part.length for part in parts)
        if HEAD_BYTES + length > MAX_PACKET_BYTES:
            return []  # no servo has room for such a packet
        head = HEADER + bytes((BROADCAST_ID, length & 0xFF, length >> 8, Instruction.STATUS))
        owners = _owners(listening)
        answers: list[Answer] = []
        crc = 0
        for part in parts:
            able = [s for s in owners.get(part.servo_id, ()) if s.has_fast_reads]
            reply = self._reply(able[0], part, heard) if able else None
            if reply is None:
                if self._chain == "stop" or not answers:
                    break
                continue
            data = reply.parameters.ljust(part.length, b"\0")
            segment = (b"" if answers else head) + bytes((reply.error, part.servo_id)) + data
            crc = crc16(segment, crc)
            checked = segment + crc.to_bytes(2, "little")
            crc = crc16(checked[-2:], crc)
            gap_ns = 0 if answers else self._gap_ns(able[0])
            answers.append(Answer(part.servo_id, checked, gap_ns))
        return answers

    def _answer(self, servo: VirtualServo, servo_id: int, reply: Reply) -> Answer:
        data = encode_status(servo_id, reply.error, reply.parameters)
        return Answer(servo_id, data, self._gap_ns(servo))

    def _gap_ns(self, servo: VirtualServo) -> int:
        if self._turnaround_ns is None:
            return 0
        return self._turnaround_ns + round(servo.return_delay_s * 1e9)

    @contextlib.contextmanager
    def _falsified(self, servo: VirtualServo) -> Iterator[None]:
        """What the servo measures is wrong in here, where a fault asks for that."""
        faults = self._faults.samples(servo.servo_id)
        shaft_rad, measurement = servo.encoder.shaft_rad, servo.measurement
        for fault in faults:
            ticks = fault.values.get("ticks", 0.0)
            if fault.kind == "velocity_spike":
                velocity = measurement.velocity_rad_s + ticks * VELOCITY_RAD_S
                servo.measurement = replace(measurement, velocity_rad_s=velocity)
            elif fault.kind == "glitch":
                servo.encoder.shaft_rad = servo.encoder.to_shaft_rad(-1)
            else:
                servo.encoder.shaft_rad = shaft_rad + ticks * POSITION_RAD
        yield
        if faults:
            servo.encoder.shaft_rad, servo.measurement = shaft_rad, measurement

    def _collide(self, slot: list[Answer], heard: Heard) -> list[Answer]:
        """Received bytes when several servos of one ID answer: they start a few bytes apart."""
        if len(slot) < 2:
            return slot
        first, second = slot[:2]
        skew = self._faults.random.randrange(2 * len(first.data))
        if skew >= len(first.data):
            apart_ns = transmission_ns(skew - len(first.data), heard.baud)
            return [first, _later(Answer(second.servo_id, second.data), apart_ns)]
        line = bytearray(first.data.ljust(skew + len(second.data), b"\xff"))
        for index, byte in enumerate(second.data, skew):
            line[index] &= byte
        return [Answer(first.servo_id, bytes(line), first.gap_ns)]


def _status_bytes(part: Part) -> int:
    """Of the answer; one that asks for more than a packet holds would be an error without data."""
    count = STATUS_OVERHEAD_BYTES + part.length
    return count if count <= MAX_PACKET_BYTES else STATUS_OVERHEAD_BYTES


def _owners(servos: Iterable[VirtualServo]) -> dict[int, list[VirtualServo]]:
    """Who answers to which ID of its own."""
    owners: dict[int, list[VirtualServo]] = {}
    for servo in servos:
        own = servo.servo_id
        if servo.addressed(own) is Addressing.OWN:
            owners.setdefault(own, []).append(servo)
    return owners


def _write(listening: Sequence[VirtualServo], parts: Iterable[Part], at_ns: int) -> None:
    owners = _owners(listening)
    shadows = [servo for servo in listening if servo.memory["secondary_id"] <= MAX_SERVO_ID]
    for part in parts:
        for servo in owners.get(part.servo_id, ()):
            servo.write_for_sync(part.address, part.data, at_ns)
        for servo in shadows:
            if servo.addressed(part.servo_id) is Addressing.SHADOW:
                servo.write_for_sync(part.address, part.data, at_ns, is_shadow=True)


def _later(answer: Answer, extra_ns: int) -> Answer:
    return Answer(answer.servo_id, answer.data, answer.gap_ns + extra_ns)
