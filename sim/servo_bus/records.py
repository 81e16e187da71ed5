"""The black box of the bus: every byte both ways with its time, in one file.

    magic "mbctlbus" + version (u32) + reserved (u32), then records:
    stamp_ns (u64, CLOCK_MONOTONIC) | kind (u8) | 3 spare bytes | baud (u32) | length (u32) | data

all little-endian. A stamp is when the bytes reached the bus's process or left it. A record is
written in one piece, so a file is whole up to the moment its process died.
"""

import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from hal.errors import HalError

_MAGIC = struct.Struct("<8sII")
_HEADER = struct.Struct("<QB3xII")
_SIGNATURE = b"mbctlbus"
_VERSION = 1


class RecordError(HalError):
    """A file that is no recording, or of another version."""

    reason = "RECORDING_MALFORMED"


class RecordKind(IntEnum):
    """What a record holds."""

    TO_BUS = 0
    TO_HOST = 1
    NOTE = 2  # JSON text: a fault, a replug


@dataclass(frozen=True, slots=True)
class Record:
    """Some bytes, one way.

    Attributes:
        stamp_ns: CLOCK_MONOTONIC.
        baud: line rate at that time, bit/s.
    """

    stamp_ns: int
    kind: RecordKind
    baud: int
    data: bytes


class Recorder:
    """Writes a recording; one system call for each record, nothing is buffered.

    Args:
        path: the file, replaced when it exists; None records nothing.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = -1
        if path is None:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        os.write(self._file, _MAGIC.pack(_SIGNATURE, _VERSION, 0))

    def write(self, kind: RecordKind, data: bytes, baud: int = 0) -> None:
        """Append a record stamped now.

        Raises:
            OSError: the disk refused.
        """
        if self._file >= 0 and data:
            stamp_ns = time.monotonic_ns()
            os.write(self._file, _HEADER.pack(stamp_ns, kind, baud, len(data)) + data)

    def close(self) -> None:
        """End the recording. Repeatable."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read_records(path: str | Path) -> Iterator[Record]:
    """The records of a file in order; a last one that was cut off is left out.

    Raises:
        RecordError: not a recording, or of an unknown version or kind.
        OSError: it cannot be read.
    """
    content = Path(path).read_bytes()
    if len(content) < _MAGIC.size:
        raise RecordError(f"{path} holds {len(content)} bytes, a recording at least {_MAGIC.size}")
    signature, version, _ = _MAGIC.unpack_from(content)
    if (signature, version) != (_SIGNATURE, _VERSION):
        raise RecordError(f"{path} is not a recording of version {_VERSION} of a servo bus")
    yield from _records(path, content)


def _records(path: str | Path, content: bytes) -> Iterator[Record]:
    position = _MAGIC.size
    while position + _HEADER.size <= len(content):
        stamp_ns, kind, baud, length = _HEADER.unpack_from(content, position)
        if kind not in list(RecordKind):
            raise RecordError(f"{path} has a record of unknown kind {kind} at byte {position}")
        start = position + _HEADER.size
        position = start + length
        if position > len(content):
            return
        yield Record(stamp_ns, RecordKind(kind), baud, content[start:position])
