"""A thread that stores chunks, so that nobody who receives them ever waits for the disk.

Group commit: one transaction takes all chunks that have queued up during the one before, so the
cost of a disk flush is shared by as many chunks as arrive in its time.
"""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Self

from mbctl.data.chunk import ChunkRecord
from mbctl.data.chunk_store import ChunkRefusedError, ChunkStore
from mbctl.data.sqlite import StoreBusyError, StoreError, StoreFullError, StoreValueError

GROUP_MAX = 512  # chunks in one transaction

_Request = tuple[ChunkRecord, Future[int]]


class ChunkWriter:
    """Owns the thread; the store stays the caller's to close, after this is closed.

    After a failure other than a full disk or a locked database nothing more is written: what a
    disk holds after a failed flush is unknown, and only a restart reads it back.
    """

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._failure: StoreError | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="chunk-writer", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> StoreError | None:
        """The error after which nothing more is written."""
        return self._failure

    def check(self) -> None:
        """Make sure that chunks can be written and found again; may wait for the disk.

        Raises:
            StoreError: why they cannot; from then on nothing more is written.
        """
        try:
            self._store.check_file()
        except StoreError as error:
            self._failure = self._failure or error
        if not self._thread.is_alive():
            self._failure = self._failure or StoreError(
                f"{self._store.path} has no writer any more"
            )
        if self._failure is not None:
            raise self._failure

    def fail(self, error: StoreError) -> None:
        """Write nothing more: somebody else found the database broken."""
        self._failure = self._failure or error

    @property
    def depth(self) -> int:
        """Chunks that wait."""
        return self._queue.qsize()

    def submit(self, chunk: ChunkRecord) -> Future[int]:
        """Queue a chunk; never blocks. The future gives the spool's next sequence number once the
        chunk is durable, or raises what `ChunkStore.append` raised for it.

        Raises:
            StoreError: the writer is closed.
        """
        future: Future[int] = Future()
        with self._closing:
            if self._closed:
                raise StoreError(f"the writer of {self._store.path} is closed")
            self._queue.put((chunk, future))
        return future

    def close(self) -> None:
        """Write what is queued, then end the thread."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while True:
            group = self._next_group()
            requests = [request for request in group if request is not None]
            if requests:
                self._write(requests)
            if len(requests) < len(group):
                return

    def _next_group(self) -> list[_Request | None]:
        group = [self._queue.get()]
        while group[-1] is not None and len(group) < GROUP_MAX:
            try:
                group.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return group

    def _write(self, requests: Sequence[_Request]) -> None:
        try:
            if self._failure is not None:
                raise self._failure
            self._store.append([chunk for chunk, _ in requests])
            spool_ids = {chunk.spool_id for chunk, _ in requests}
            reached = {spool_id: self._store.next_sequence(spool_id) for spool_id in spool_ids}
        except (ChunkRefusedError, StoreValueError) as error:
            self._write_halves(requests, error)
        except (StoreFullError, StoreBusyError) as error:
            _fail(requests, error)
        except BaseException as error:  # noqa: BLE001 - outermost frame: whoever waits is told
            self._failure = self._failure or _as_store_error(error, self._store)
            _fail(requests, self._failure)
        else:
            for chunk, future in requests:
                _settle(future, reached[chunk.spool_id])

    def _write_halves(self, requests: Sequence[_Request], error: Exception) -> None:
        """One sender's mistake must not cost another sender its chunk, nor much of its time."""
        if len(requests) == 1:
            _fail(requests, error)
            return
        middle = len(requests) // 2
        self._write(requests[:middle])
        self._write(requests[middle:])


def _as_store_error(error: BaseException, store: ChunkStore) -> StoreError:
    if isinstance(error, StoreError):
        return error
    failure = StoreError(f"writing {store.path} failed: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def _settle(future: Future[int], sequence: int) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(sequence)


def _fail(requests: Sequence[_Request], error: Exception) -> None:
    for _, future in requests:
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
