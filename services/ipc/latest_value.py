"""The newest value from one process to others, without locks: a sequence lock over two buffers.

The writer fills the buffer that is not current and then counts up; so it never waits, and dying
half way leaves the last whole value readable. A reader copies and looks at the count again.
"""

import struct
import zlib

from hal.errors import ReasonedError

_CONTROL_BYTES = 64
_FRAME = struct.Struct("<QQ")  # length, CRC-32
_LOOKS = 1000


class ValueUnreadableError(ReasonedError):
    """No look found a whole value: the memory was overwritten, or the writer never pauses."""

    reason = "VALUE_UNREADABLE"


class LatestValue:
    """One value of at most `value_bytes_max` bytes; one writer, any number of readers."""

    def __init__(self, memory: memoryview) -> None:
        self._count = memory[:_CONTROL_BYTES].cast("q")
        half = (len(memory) - _CONTROL_BYTES) // 2 // 8 * 8
        self.value_bytes_max = half - _FRAME.size
        if self.value_bytes_max < 1:
            raise ValueError(f"{len(memory)} bytes of memory hold no value")
        self._buffers = tuple(
            memory[_CONTROL_BYTES + i * half : _CONTROL_BYTES + (i + 1) * half] for i in (0, 1)
        )

    @property
    def generation(self) -> int:
        """Values published so far; 0 before the first. Reading it costs next to nothing."""
        return self._count[0]

    def publish(self, value: bytes) -> int:
        """Make `value` the newest one and return its generation.

        Raises:
            ValueError: it is larger than value_bytes_max.
        """
        if len(value) > self.value_bytes_max:
            raise ValueError(f"value of {len(value)} bytes, at most {self.value_bytes_max}")
        generation = self._count[0] + 1
        buffer = self._buffers[generation % 2]
        _FRAME.pack_into(buffer, 0, len(value), zlib.crc32(value))
        buffer[_FRAME.size : _FRAME.size + len(value)] = value
        self._count[0] = generation
        return generation

    def read(self) -> tuple[int, bytes] | None:
        """The newest value and its generation, or None before the first.

        Raises:
            ValueUnreadableError: no whole value could be copied.
        """
        if self._count[0] == 0:
            return None
        for _ in range(_LOOKS):
            generation = self._count[0]
            buffer = self._buffers[generation % 2]
            length, crc = _FRAME.unpack_from(buffer, 0)
            if length > self.value_bytes_max:
                continue
            value = bytes(buffer[_FRAME.size : _FRAME.size + length])
            if self._count[0] == generation and zlib.crc32(value) == crc:
                return generation, value
        raise ValueUnreadableError(f"generation {self._count[0]}: no whole value in {_LOOKS} looks")
