"""Late answers: taken for what they answer or not at all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.errors import BusTimeoutError
from hal.dynamixel.link import OwedAnswers
from hal.dynamixel.packet import Instruction, encode_status
from tests.hal.dynamixel.scripted_line import obedient

TABLE = control_table_of(1020)
POSITION = TABLE["present_position"]
GOAL = TABLE["goal_position"]
TORQUE = TABLE["torque_enable"]


def memory(**values: int) -> bytes:
    data = bytearray(TABLE.end_address)
    for name, value in values.items():
        register = TABLE[name]
        data[register.address : register.address + register.size] = register.encode(value)
    return bytes(data)


def after_ms(count: float) -> int:
    return time.monotonic_ns() + round(count * 1e6)


def test_only_another_request_with_an_answer_of_that_length_is_confused():
    owed = OwedAnswers()
    assert not owed
    owed.add(1, 4, b"position")
    assert owed
    assert owed.confuses(1, 4, b"goal")
    assert not owed.confuses(1, 4, b"position")
    assert not owed.confuses(1, 2, b"goal")
    assert not owed.confuses(2, 4, b"goal")
    assert owed.has(1, 4)
    assert not owed.has(1, 2)


def test_two_answers_of_one_length_confuse_everything():
    owed = OwedAnswers()
    for request in (b"a", b"b", b"a"):
        owed.add(1, 4, request)
    assert all(owed.confuses(1, 4, request) for request in (b"a", b"b", b"c"))
    owed.forget(1)
    assert not owed


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.binary(max_size=1))))
def test_whatever_is_owed_is_never_certain_for_another(requests):
    owed = OwedAnswers()
    for request in requests:
        owed.add(*request)
    for source, length, request in requests:
        assert owed.confuses(source, length, request + b"other")


def test_a_late_answer_is_never_taken_for_another(scripted):
    """Two registers of one length: nothing in the late status says which one it is of."""
    honest = obedient({1: memory(present_position=111, goal_position=222)})
    slow = scripted(lambda packet: [0.05, *honest(packet)])
    with pytest.raises(BusTimeoutError):
        slow.bus.read(1, POSITION, deadline_ns=after_ms(20))
    # The line is quiet for long enough, and only then the answer comes.
    assert slow.bus.read(1, GOAL, deadline_ns=after_ms(5000)) == 222
    assert slow.bus.counters.late_packets == 1
    with pytest.raises(BusTimeoutError):
        slow.bus.write(1, GOAL, 3, deadline_ns=after_ms(20))
    slow.bus.write(1, TORQUE, 1, deadline_ns=after_ms(5000))
    assert slow.bus.counters.late_packets == 2


def test_a_late_answer_to_the_same_question_is_an_answer(scripted):
    honest = obedient({1: memory(present_position=111)})
    slow = scripted(lambda packet: [0.05, *honest(packet)])
    for timeout_ms in (20, 5000):
        deadline_ns = after_ms(timeout_ms)
        reply = slow.bus.sync_read([1], POSITION.address, 4, deadline_ns=deadline_ns)
    assert reply.data == {1: POSITION.encode(111)}
    assert {packet.instruction for packet in slow.line.heard} == {Instruction.SYNC_READ}


def test_a_servo_that_owes_and_stays_mute_is_not_asked_for_more(scripted):
    mute = scripted()
    for register in (POSITION, GOAL):
        with pytest.raises(BusTimeoutError, match=register.name):
            mute.bus.read(1, register, deadline_ns=after_ms(20))
    instructions = [packet.instruction for packet in mute.line.heard]
    assert instructions == [Instruction.READ] * 2
    assert mute.line.heard[1].parameters[:2] == b"\0\0"  # a sign of life, not the goal


def test_an_answer_during_the_quiet_time_is_late_too(scripted):
    late = scripted()
    with pytest.raises(BusTimeoutError):
        late.bus.read(1, POSITION, deadline_ns=after_ms(5))
    late.line.send(encode_status(1, 0, POSITION.encode(1)))
    late.line.answer = obedient({1: memory(present_position=2)})
    assert late.bus.read(1, POSITION, deadline_ns=after_ms(5000)) == 2
    assert late.bus.counters.late_packets == 1
