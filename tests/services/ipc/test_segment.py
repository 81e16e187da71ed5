import os
import tempfile

import pytest

from mbctl.episodes.seeding import EVALUATE
from services.ipc.policy_slot import PolicySlot
from services.ipc.row_message import RowMessage, decode_row, encode_row
from services.ipc.segment import SegmentError, SegmentSizes, SharedSegment
from services.ipc.words import SignalWords, Word


def test_attached_segment_shares_every_part():
    with SharedSegment.create(SegmentSizes(rows=10_000)) as made:
        with SharedSegment.attach(os.dup(made.descriptor)) as attached:
            for part in ("words", "board", "policy", "commands", "events", "rows"):
                ours, theirs = getattr(made, part), getattr(attached, part)
                assert len(ours) == len(theirs)
                ours[0], ours[-1] = 7, 9
                assert (theirs[0], theirs[-1]) == (7, 9)
                ours[0] = ours[-1] = 0
        assert len(made.rows) == 12_288


def test_parts_do_not_overlap():
    with SharedSegment.create(SegmentSizes(policy=4096, rows=4096, events=4096)) as segment:
        parts = ("words", "board", "policy", "commands", "events", "rows")
        for mark, part in enumerate(parts, start=1):
            getattr(segment, part)[:] = bytes([mark]) * len(getattr(segment, part))
        for mark, part in enumerate(parts, start=1):
            assert set(getattr(segment, part)) == {mark}


def test_a_foreign_file_is_refused():
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 8192)
        file.flush()
        with pytest.raises(SegmentError, match="no shared segment"):
            SharedSegment.attach(file.fileno())
        os.ftruncate(file.fileno(), 10)
        with pytest.raises(SegmentError, match="10 bytes"):
            SharedSegment.attach(file.fileno())


def test_a_part_without_bytes_is_refused():
    with pytest.raises(ValueError, match="'rows' of 0 bytes"):
        SharedSegment.create(SegmentSizes(rows=0))


def test_closing_with_a_view_in_use_closes_the_descriptor():
    segment = SharedSegment.create(SegmentSizes(rows=4096))
    words = SignalWords(segment.words)
    descriptor = segment.descriptor
    segment.close()
    segment.close()
    with pytest.raises(OSError):
        os.fstat(descriptor)
    words.set(Word.ESTOP_DONE, 1)
    assert words.get(Word.ESTOP_DONE) == 1


def test_words_are_independent_and_hold_64_bits():
    words = SignalWords(memoryview(bytearray(4096)))
    for word in Word:
        words.set(word, (1 << 62) + word)
    words.set(Word.LEASE_DEADLINE_NS, -1)
    for word in set(Word) - {Word.LEASE_DEADLINE_NS}:
        assert words.get(word) == (1 << 62) + word
    assert words.get(Word.LEASE_DEADLINE_NS) == -1


def test_slot_gives_each_generation_once_and_only_the_newest():
    slot = PolicySlot(memoryview(bytearray(4096)))
    assert slot.take(0) is None
    slot.publish(b"one")
    assert slot.publish(b"two", at_step=True) == 2
    content = slot.take(0)
    assert content == (2, True, b"two")
    assert slot.take(2) is None
    with pytest.raises(ValueError, match="at most"):
        slot.publish(b"x" * 4096)
    assert slot.generation == 2


def test_row_message_round_trip():
    message = RowMessage("e00000012", 39, 17, 5 << 40, 6 << 40, 7 << 60, EVALUATE, True, b"row" * 9)
    assert decode_row(encode_row(message)) == message
    with pytest.raises(ValueError, match="row message of 3 bytes"):
        decode_row(b"abc")
