"""The reserve gives way when the disk is full, and the spool empties itself through it."""

import os

import pytest

from mbctl.data.chunk_store import ChunkStore
from mbctl.data.sqlite import StoreFullError
from mbctl.episodes.seeding import TRAIN
from services.controller.reserve import DiskReserve
from services.controller.sealer import ChunkSealer, Provenance
from services.controller.spool import Spool
from services.ipc.row_message import RowMessage

SIZE = 1 << 20


def test_it_takes_real_space_and_gives_it_back(tmp_path):
    path = tmp_path / "spool.reserve"
    reserve = DiskReserve(path, SIZE)
    assert reserve.is_held
    assert path.stat().st_blocks * 512 >= SIZE
    reserve.release()
    assert (reserve.is_held, path.exists()) == (False, False)
    assert reserve.restore()
    assert DiskReserve(path, SIZE).is_held


def test_it_never_takes_more_than_half_of_what_is_free(tmp_path):
    disk = os.statvfs(tmp_path)
    reserve = DiskReserve(tmp_path / "spool.reserve", disk.f_bavail * disk.f_frsize)
    assert not reserve.is_held
    assert not (tmp_path / "spool.reserve").exists()


class _FullDisk(ChunkStore):
    """A database that grows no further, as on a full disk."""

    chunks_max = 4

    def append(self, chunks):
        if self.counts().chunks + len(chunks) > self.chunks_max:
            raise StoreFullError("no room to write database")
        return super().append(chunks)


def _chunks(count: int):
    sealer = ChunkSealer(Provenance("dclaw0", "task", "a" * 64, "sim", "mujoco", "boot"))
    for i in range(count):
        message = RowMessage(f"t{i:08d}", 0, 1, i, i, i, TRAIN, True, b"\0" * 32)
        yield from sealer.add(message, 0)
    yield from sealer.finish(None)


@pytest.fixture
def spool(tmp_path, monkeypatch):
    reserve = DiskReserve(tmp_path / "spool.reserve", SIZE)
    monkeypatch.setattr(reserve, "_free_bytes", lambda: 0)
    with _FullDisk(tmp_path / "spool.db") as store:
        yield Spool(store, reserve)


def test_a_full_disk_is_drained_to_half_before_rows_are_written_again(spool, tmp_path):
    spool.enqueue(list(_chunks(6)))
    assert not spool.write()
    assert "no room" in spool.error
    assert not (tmp_path / "spool.reserve").exists()
    spool.acknowledge(2, spool.digest_at(2))
    assert not spool.write()  # one of four has left: too early
    spool.acknowledge(3, spool.digest_at(3))
    assert spool.write()
    assert (spool.error, spool.counts().rows_written) == ("", 6)
