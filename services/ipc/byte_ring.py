"""A ring of messages from one process to one other, without locks.

Each message carries its length, a CRC and its number. The producer stores the message first and
moves the head after it; x86 keeps that order for the reader. Where a machine does not, the CRC or
the number does not fit yet and the reader looks again.
"""

import struct
import zlib

from hal.errors import ReasonedError

_FRAME = struct.Struct("<IIq")  # length, CRC-32, message number
_ALIGN = _FRAME.size
_CONTROL_BYTES = 192
_HEAD, _PUSHED, _TAIL, _POPPED = 0, 1, 8, 9  # words; producer's and consumer's cache lines
_LOOKS = 200


class RingCorruptError(ReasonedError):
    """What the ring holds is no message: memory was overwritten, and nothing in it can be used."""

    reason = "RING_CORRUPT"


class ByteRing:
    """Length-prefixed messages; one process pushes, one pops.

    Raises:
        ValueError: the memory is too small to hold a message.
    """

    def __init__(self, memory: memoryview) -> None:
        self._capacity = (len(memory) - _CONTROL_BYTES) // _ALIGN * _ALIGN
        if self._capacity < 2 * _ALIGN:
            raise ValueError(f"a ring in {len(memory)} bytes holds nothing")
        self._words = memory[:_CONTROL_BYTES].cast("q")
        self._data = memory[_CONTROL_BYTES : _CONTROL_BYTES + self._capacity]

    @property
    def capacity_bytes(self) -> int:
        """Bytes for messages and their frames."""
        return self._capacity

    @property
    def free_bytes(self) -> int:
        """Bytes not in use now; may grow while one looks at it from the producer's side."""
        return self._capacity - (self._words[_HEAD] - self._words[_TAIL])

    @property
    def pushed(self) -> int:
        """Messages pushed since the ring was made."""
        return self._words[_PUSHED]

    @property
    def popped(self) -> int:
        """Messages popped since the ring was made."""
        return self._words[_POPPED]

    @staticmethod
    def slot_bytes(payload_bytes: int) -> int:
        """Bytes that a message of this size takes in the ring."""
        return (_FRAME.size + payload_bytes + _ALIGN - 1) // _ALIGN * _ALIGN

    def try_push(self, payload: bytes) -> bool:
        """Append a message; False, with nothing changed, while there is no room for it.

        Raises:
            ValueError: it would not fit into the empty ring.
        """
        slot = self.slot_bytes(len(payload))
        if slot > self._capacity:
            raise ValueError(f"message of {len(payload)} bytes, the ring holds {self._capacity}")
        head = self._words[_HEAD]
        if self._capacity - (head - self._words[_TAIL]) < slot:
            return False
        at = head % self._capacity
        number = self._words[_PUSHED]
        _FRAME.pack_into(self._data, at, len(payload), zlib.crc32(payload), number)
        self._copy_in((at + _FRAME.size) % self._capacity, payload)
        self._words[_PUSHED] = number + 1
        self._words[_HEAD] = head + slot
        return True

    def pop(self) -> bytes | None:
        """The oldest message, or None when there is none.

        Raises:
            RingCorruptError: what is there is no message.
        """
        tail = self._words[_TAIL]
        if self._words[_HEAD] == tail:
            return None
        for _ in range(_LOOKS):
            payload = self._look(tail)
            if payload is not None:
                self._words[_POPPED] += 1
                self._words[_TAIL] = tail + self.slot_bytes(len(payload))
                return payload
        raise RingCorruptError(f"no valid message number {self._words[_POPPED]} at byte {tail}")

    def drain(self) -> list[bytes]:
        """Every message that was there when it was called, oldest first."""
        messages: list[bytes] = []
        end = self._words[_PUSHED]
        while self._words[_POPPED] < end:
            payload = self.pop()
            if payload is None:
                break
            messages.append(payload)
        return messages

    def _look(self, tail: int) -> bytes | None:
        at = tail % self._capacity
        length, crc, number = _FRAME.unpack_from(self._data, at)
        used = self._words[_HEAD] - tail
        if number != self._words[_POPPED] or self.slot_bytes(length) > used:
            return None
        payload = self._copy_out((at + _FRAME.size) % self._capacity, length)
        return payload if zlib.crc32(payload) == crc else None

    def _copy_in(self, start: int, payload: bytes) -> None:
        first = self._capacity - start
        if len(payload) <= first:
            self._data[start : start + len(payload)] = payload
        else:
            self._data[start:] = payload[:first]
            self._data[: len(payload) - first] = payload[first:]

    def _copy_out(self, start: int, length: int) -> bytes:
        first = self._capacity - start
        if length <= first:
            return bytes(self._data[start : start + length])
        return bytes(self._data[start:]) + bytes(self._data[: length - first])
