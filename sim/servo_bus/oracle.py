"""What the bytes on the wire meant: goals, torque switches, and goals that should not have been.

An independent witness of what a client really sent, whatever the client thinks. It follows indirect
addresses, so a goal cannot hide behind one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil, floor

from hal.description import ServoJoint
from hal.dynamixel.packet import BROADCAST_ID, Instruction, Packet
from hal.dynamixel.parser import PacketParser
from hal.dynamixel.units import POSITION_RAD
from hal.robots.registry import servo_layout
from sim.servo_bus.records import Record, RecordKind
from sim.servo_bus.requests import bulk_write_parts, sync_write_parts

TORQUE_ENABLE = 64
GOAL_POSITION = 116
_GOAL_BYTES = 4
_INDIRECT = ((168, 224), (578, 634))
_INDIRECT_COUNT = 28
# Commanded angles are rounded to ticks: half a tick beyond a limit is none.
_ROUNDING_TICKS = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet of the host.

    Attributes:
        stamp_ns: CLOCK_MONOTONIC when its last byte had reached the bus's process.
    """

    stamp_ns: int
    packet: Packet


@dataclass(frozen=True, slots=True)
class GoalSent:
    """A goal position on the wire; `servo_id` may be the broadcast ID."""

    stamp_ns: int
    servo_id: int
    ticks: int


@dataclass(frozen=True, slots=True)
class TorqueSent:
    """Torque Enable on the wire; `servo_id` may be the broadcast ID."""

    stamp_ns: int
    servo_id: int
    on: bool


@dataclass(frozen=True, slots=True)
class WriteSent:
    """Bytes written to a register address of one servo, or of all."""

    stamp_ns: int
    servo_id: int
    address: int
    data: bytes


@dataclass
class Traffic:
    """What a recording shows of the host.

    Args:
        records: in order, as `read_records` or `RunningBus.records` give them.
    """

    records: Iterable[Record]
    sent: list[Sent] = field(init=False, default_factory=list)
    writes: list[WriteSent] = field(init=False, default_factory=list)
    goals: list[GoalSent] = field(init=False, default_factory=list)
    torques: list[TorqueSent] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        parser = PacketParser()
        places: dict[tuple[int, int], int] = {}
        for record in self.records:
            if record.kind is not RecordKind.TO_BUS:
                continue
            for packet in parser.feed(record.data):
                self.sent.append(Sent(record.stamp_ns, packet))
                for write in _writes(record.stamp_ns, packet):
                    self._take(write, places)

    def goals_outside(self, model: str) -> list[GoalSent]:
        """Goals beyond the travel of the joint that they are for.

        Args:
            model: robot model, such as "dclaw".
        """
        ranges = {servo.servo_id: _tick_range(servo) for servo in servo_layout(model).servos}
        return [goal for goal in self.goals if not _is_inside(goal, ranges)]

    def _take(self, write: WriteSent, places: dict[tuple[int, int], int]) -> None:
        self.writes.append(write)
        flat = {
            places.get((write.servo_id, write.address + offset), write.address + offset): byte
            for offset, byte in enumerate(write.data)
        }
        if TORQUE_ENABLE in flat:
            on = flat[TORQUE_ENABLE] != 0
            self.torques.append(TorqueSent(write.stamp_ns, write.servo_id, on))
        goal = [flat.get(GOAL_POSITION + offset) for offset in range(_GOAL_BYTES)]
        known = bytes(byte for byte in goal if byte is not None)
        if len(known) == _GOAL_BYTES:
            ticks = int.from_bytes(known, "little", signed=True)
            self.goals.append(GoalSent(write.stamp_ns, write.servo_id, ticks))
        _follow_indirect(write, flat, places)


def _writes(stamp_ns: int, packet: Packet) -> Iterator[WriteSent]:
    match packet.instruction:
        case Instruction.WRITE | Instruction.REG_WRITE:
            address = int.from_bytes(packet.parameters[:2], "little")
            yield WriteSent(stamp_ns, packet.servo_id, address, packet.parameters[2:])
        case Instruction.SYNC_WRITE | Instruction.BULK_WRITE:
            is_sync = packet.instruction == Instruction.SYNC_WRITE
            parts = sync_write_parts(packet) if is_sync else bulk_write_parts(packet)
            for part in parts:
                yield WriteSent(stamp_ns, part.servo_id, part.address, part.data)


def _follow_indirect(
    write: WriteSent, flat: dict[int, int], places: dict[tuple[int, int], int]
) -> None:
    """Note where each indirect data byte of the servo leads from now on."""
    for first, data in _INDIRECT:
        for index in range(_INDIRECT_COUNT):
            low = flat.get(first + 2 * index)
            high = flat.get(first + 2 * index + 1)
            if low is not None and high is not None:
                places[write.servo_id, data + index] = low | high << 8


def _tick_range(joint: ServoJoint) -> tuple[int, int]:
    ends = [
        (angle - joint.offset_rad) / joint.scale / POSITION_RAD
        for angle in (joint.travel_min_rad, joint.travel_max_rad)
    ]
    return floor(min(ends)) - _ROUNDING_TICKS, ceil(max(ends)) + _ROUNDING_TICKS


def _is_inside(goal: GoalSent, ranges: dict[int, tuple[int, int]]) -> bool:
    """A goal for all servos has to suit each; one for an unknown servo suits none."""
    concerned = (
        list(ranges.values())
        if goal.servo_id == BROADCAST_ID
        else [ranges.get(goal.servo_id, (1, 0))]
    )
    return all(low <= goal.ticks <= high for low, high in concerned)
