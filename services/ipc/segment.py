"""The one block of memory that the service process, the control process and the planner share.

It is an anonymous memory file: it has no name to clash or leak, the child inherits its descriptor,
and it is gone when both processes are. Its header describes it, so that only the size of each part
is decided, once, by the side that creates it.
"""

import mmap
import os
import struct
from dataclasses import astuple, dataclass, fields
from types import TracebackType
from typing import Self

from hal.errors import ReasonedError

_MAGIC = b"MBCTLSHM"
_VERSION = 3
_PAGE = 4096
_HEADER = struct.Struct("<8sq9q")


class SegmentError(ReasonedError):
    """The descriptor given is not a segment that this version understands."""

    reason = "SEGMENT_INVALID"


@dataclass(frozen=True)
class SegmentSizes:
    """Bytes of each part; rounded up to whole pages."""

    words: int = _PAGE
    board: int = 64 << 10
    policy: int = 8 << 20
    commands: int = 1 << 20
    events: int = 4 << 20
    rows: int = 64 << 20
    plan_requests: int = 64 << 10
    plans: int = 1 << 20
    cycles: int = 4 << 20

    def rounded(self) -> "SegmentSizes":
        """Whole pages.

        Raises:
            ValueError: a part without a byte.
        """
        for field, size in zip(fields(self), astuple(self), strict=True):
            if size < 1:
                raise ValueError(f"shared memory part '{field.name}' of {size} bytes, at least 1")
        return SegmentSizes(*(-(-size // _PAGE) * _PAGE for size in astuple(self)))


class SharedSegment:
    """Parts of one shared memory file as memoryviews, named as in SegmentSizes.

    Use as a context manager, or call `close` after everything that holds a view is dropped.
    """

    def __init__(self, descriptor: int, sizes: SegmentSizes, memory: mmap.mmap) -> None:
        self.descriptor = descriptor
        self._mmap = memory
        self._views: list[memoryview] = []
        parts: list[memoryview] = []
        start = _PAGE
        whole = memoryview(memory)
        for size in astuple(sizes):
            parts.append(whole[start : start + size])
            start += size
        self._views = [whole, *parts]
        self.words, self.board, self.policy, self.commands, self.events, self.rows = parts[:6]
        self.plan_requests, self.plans, self.cycles = parts[6:]

    @classmethod
    def create(cls, sizes: SegmentSizes | None = None) -> Self:
        """A zeroed segment; pages take memory only once they are touched."""
        exact = (sizes or SegmentSizes()).rounded()
        descriptor = os.memfd_create("mbctl-control")
        total = _PAGE + sum(astuple(exact))
        os.ftruncate(descriptor, total)
        memory = mmap.mmap(descriptor, total)
        _HEADER.pack_into(memory, 0, _MAGIC, _VERSION, *astuple(exact))
        return cls(descriptor, exact, memory)

    @classmethod
    def attach(cls, descriptor: int) -> Self:
        """The segment behind an inherited descriptor, which it takes over.

        Raises:
            SegmentError: it is no segment, or of another version.
        """
        total = os.fstat(descriptor).st_size
        if total < _PAGE:
            raise SegmentError(f"descriptor {descriptor} has {total} bytes: no shared segment")
        memory = mmap.mmap(descriptor, total)
        magic, version, *sizes = _HEADER.unpack_from(memory, 0)
        if magic != _MAGIC or version != _VERSION or _PAGE + sum(sizes) != total:
            memory.close()
            raise SegmentError(
                f"descriptor {descriptor}: no shared segment of version {_VERSION} "
                f"(magic {magic!r}, version {version}, {total} bytes)"
            )
        return cls(descriptor, SegmentSizes(*sizes), memory)

    def close(self) -> None:
        """Close the descriptor and, unless views of it are still in use, the mapping."""
        if self.descriptor < 0:
            return
        os.close(self.descriptor)
        self.descriptor = -1
        try:
            for view in self._views:
                view.release()
            self._mmap.close()
        except BufferError:
            # A ring still holds a view; the mapping goes when the last view does.
            self._views = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
