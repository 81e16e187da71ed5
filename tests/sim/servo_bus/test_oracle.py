"""The witness: every way to put a goal or a torque switch on the wire is understood."""

import pytest

from hal.dynamixel.packet import BROADCAST_ID, Instruction, encode_instruction
from sim.servo_bus.oracle import Traffic
from sim.servo_bus.records import Record, RecordKind


def traffic(*packets: bytes, cut: int = 0) -> Traffic:
    """Of packets sent at 1, 2, 3 ... ns; with `cut`, in pieces of so many bytes."""
    records = []
    for index, packet in enumerate(packets, 1):
        for start in range(0, len(packet), cut or len(packet)):
            piece = packet[start : start + (cut or len(packet))]
            records.append(Record(index, RecordKind.TO_BUS, 1_000_000, piece))
    records.append(Record(99, RecordKind.TO_HOST, 1_000_000, packets[0]))
    return Traffic(records)


def ticks(value: int) -> bytes:
    return value.to_bytes(4, "little", signed=True)


def word(value: int) -> bytes:
    return value.to_bytes(2, "little")


GOAL = word(116)
WAYS = {
    "write": encode_instruction(11, Instruction.WRITE, GOAL + ticks(2048)),
    "reg write": encode_instruction(11, Instruction.REG_WRITE, GOAL + ticks(2048)),
    "sync write": encode_instruction(
        BROADCAST_ID, Instruction.SYNC_WRITE, GOAL + word(4) + b"\x0b" + ticks(2048)
    ),
    "bulk write": encode_instruction(
        BROADCAST_ID, Instruction.BULK_WRITE, b"\x0b" + GOAL + word(4) + ticks(2048)
    ),
    "with its neighbours": encode_instruction(
        11, Instruction.WRITE, word(112) + bytes(4) + ticks(2048)
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cut", [0, 1, 5])
def test_a_goal_is_seen_whichever_way_it_goes(way, cut):
    (goal,) = traffic(WAYS[way], cut=cut).goals
    assert (goal.stamp_ns, goal.servo_id, goal.ticks) == (1, 11, 2048)


def test_a_goal_behind_indirect_addresses_is_seen():
    mapping = b"".join(word(116 + index) for index in range(4))
    found = traffic(
        encode_instruction(11, Instruction.WRITE, word(168) + mapping),
        encode_instruction(11, Instruction.WRITE, word(224) + ticks(3000)),
        encode_instruction(12, Instruction.WRITE, word(224) + ticks(3000)),
    )
    assert [(goal.servo_id, goal.ticks) for goal in found.goals] == [(11, 3000)]


def test_half_a_goal_is_none():
    packet = encode_instruction(11, Instruction.WRITE, GOAL + word(2048))
    assert traffic(packet).goals == []


def test_torque_switches():
    off = encode_instruction(BROADCAST_ID, Instruction.WRITE, word(64) + b"\0")
    data = word(64) + word(1) + b"\x0a\x01\x0b\x00"
    both = encode_instruction(BROADCAST_ID, Instruction.SYNC_WRITE, data)
    found = [(t.stamp_ns, t.servo_id, t.on) for t in traffic(off, both).torques]
    assert found == [(1, BROADCAST_ID, False), (2, 10, True), (2, 11, False)]


@pytest.mark.parametrize(
    ("servo_id", "goal", "outside"),
    [
        (11, 2048, False),
        (11, 2048 + 1304, False),  # 2.0 rad: the end of its travel
        (11, 2048 + 1310, True),
        (11, -1, True),
        (10, 1024 - 330, True),
        (10, 1024 + 900, False),
        (99, 2048, True),  # nobody's
        (BROADCAST_ID, 1500, False),
        (BROADCAST_ID, 3000, True),  # too far for the top joints
    ],
)
def test_goals_outside_the_travel_of_their_joint(servo_id, goal, outside):
    packet = encode_instruction(servo_id, Instruction.WRITE, GOAL + ticks(goal))
    assert len(traffic(packet).goals_outside("dclaw")) == outside


def test_a_bus_records_what_its_client_sends(bus, sdk):
    sdk.packets.write4ByteTxRx(sdk.port, 12, 116, 2222)
    found = Traffic(bus.records())
    assert (found.goals[-1].servo_id, found.goals[-1].ticks) == (12, 2222)
    kinds = {record.kind for record in bus.records()}
    assert {RecordKind.TO_BUS, RecordKind.TO_HOST} <= kinds
