import subprocess
import sys
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ipc.byte_ring import ByteRing, RingCorruptError
from services.ipc.segment import SegmentSizes, SharedSegment


def ring_of(size: int) -> tuple[ByteRing, ByteRing, bytearray]:
    memory = bytearray(size)
    return ByteRing(memoryview(memory)), ByteRing(memoryview(memory)), memory


@given(
    st.integers(256, 700),
    st.lists(st.one_of(st.binary(max_size=90), st.none(), st.just("drain")), max_size=120),
)
def test_behaves_as_a_bounded_queue(size: int, actions: list):
    producer, consumer, _ = ring_of(size)
    model: deque[bytes] = deque()
    for action in actions:
        if action is None:
            assert consumer.pop() == (model.popleft() if model else None)
        elif action == "drain":
            assert consumer.drain() == list(model)
            model.clear()
        elif ByteRing.slot_bytes(len(action)) > producer.capacity_bytes:
            with pytest.raises(ValueError, match="the ring holds"):
                producer.try_push(action)
        else:
            used = sum(ByteRing.slot_bytes(len(m)) for m in model)
            room = producer.capacity_bytes - used
            assert producer.free_bytes == room
            fits = ByteRing.slot_bytes(len(action)) <= room
            assert producer.try_push(action) is fits
            if fits:
                model.append(action)
    assert consumer.pushed - consumer.popped == len(model)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 10_000))
def test_no_flipped_byte_goes_unnoticed(payload: bytes, where: int):
    producer, consumer, memory = ring_of(512)
    producer.try_push(payload)
    memory[192 + where % (16 + len(payload))] ^= 0x5A
    with pytest.raises(RingCorruptError):
        consumer.pop()


def test_memory_too_small_for_a_message_is_refused():
    with pytest.raises(ValueError, match="holds nothing"):
        ByteRing(memoryview(bytearray(200)))


CHILD = """
import sys, zlib
from services.ipc.byte_ring import ByteRing
from services.ipc.segment import SharedSegment

segment = SharedSegment.attach(int(sys.argv[1]))
ring = ByteRing(segment.rows)
number = 0
while number < 20000:
    payload = number.to_bytes(4, "little") * (1 + number * 7919 % 60)
    if ring.try_push(payload):
        number += 1
"""


def test_two_processes_pass_every_message_in_order():
    with SharedSegment.create(SegmentSizes(rows=8192)) as segment:
        ring = ByteRing(segment.rows)
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", CHILD, str(segment.descriptor)],
            pass_fds=[segment.descriptor],
        )
        try:
            number = 0
            while number < 20000:
                payload = ring.pop()
                if payload is None:
                    assert child.poll() in (None, 0)
                    continue
                assert payload == number.to_bytes(4, "little") * (1 + number * 7919 % 60)
                number += 1
            assert child.wait(10) == 0
            assert ring.pop() is None
        finally:
            child.kill()
            child.wait()
