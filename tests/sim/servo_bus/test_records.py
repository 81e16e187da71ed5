"""Recordings: what is written is read, and what is cut off or foreign is noticed."""

import time
from pathlib import Path

import pytest

from sim.servo_bus.records import Recorder, RecordError, RecordKind, read_records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    recorder = Recorder(tmp_path / "record")
    recorder.write(RecordKind.TO_BUS, b"\x01\x02", 1_000_000)
    recorder.write(RecordKind.NOTE, b'{"fault": "drop"}')
    recorder.write(RecordKind.TO_HOST, bytes(1000), 57_600)
    recorder.close()
    recorder.close()
    return tmp_path / "record"


def test_records_come_back(path):
    before = time.monotonic_ns()
    first, note, last = read_records(path)
    assert (first.kind, first.baud, first.data) == (RecordKind.TO_BUS, 1_000_000, b"\x01\x02")
    assert (note.kind, note.data) == (RecordKind.NOTE, b'{"fault": "drop"}')
    assert (last.kind, last.baud, last.data) == (RecordKind.TO_HOST, 57_600, bytes(1000))
    assert first.stamp_ns <= note.stamp_ns <= last.stamp_ns <= before


def test_every_beginning_of_a_recording_can_be_read(path):
    """The process may die at any moment: what is whole is there, what is not is left out."""
    content = path.read_bytes()
    counts = set()
    for length in range(16, len(content)):
        path.write_bytes(content[:length])
        counts.add(len(list(read_records(path))))
    assert counts == {0, 1, 2}


def test_what_is_no_recording_is_refused(path):
    content = path.read_bytes()
    for wrong, what in [
        (b"", "holds 0 bytes"),
        (b"x" * 40, "not a recording"),
        (content[:8] + b"\x02" + content[9:], "not a recording of version 1"),
        (content[:24] + b"\x09" + content[25:], "unknown kind 9 at byte 16"),
    ]:
        path.write_bytes(wrong)
        with pytest.raises(RecordError, match=what):
            list(read_records(path))


def test_nothing_is_recorded_without_a_path():
    recorder = Recorder(None)
    before = set(Path.cwd().iterdir())
    recorder.write(RecordKind.TO_BUS, b"abc")
    recorder.close()
    assert set(Path.cwd().iterdir()) == before
