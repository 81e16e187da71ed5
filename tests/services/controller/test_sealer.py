"""Chunks: whatever the order of events, every row goes into exactly one chunk, in order."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mbctl.data.chunk import EpisodeSummary
from mbctl.episodes.seeding import EVALUATE, TRAIN
from services.controller.sealer import AGE_MAX_NS, ROWS_PER_CHUNK, ChunkSealer, Provenance
from services.ipc.row_message import RowMessage

PROVENANCE = Provenance("dclaw0", "dclaw-turn-random", "a" * 64, "sim", "mujoco", "boot")
WIDTH = 6


def _row(episode: int, step: int, version: int = 1, purpose: int = TRAIN) -> RowMessage:
    row = np.full(WIDTH, 1000 * episode + step, dtype="<f4").tobytes()
    return RowMessage(
        f"t{episode:08d}", step, version, 10 * step, 10 * step + 5, 7, purpose, False, row
    )


def _episode(episode: int, steps: int) -> EpisodeSummary:
    name = f"t{episode:08d}"
    return EpisodeSummary(
        name, "dclaw0", "dclaw-turn-random", "train", episode, 1, steps, 0.0, True,
        "TRUNCATED", 0, 0,
    )  # fmt: skip


def test_the_last_chunk_carries_the_episode():
    sealer = ChunkSealer(PROVENANCE)
    for step in range(40):
        assert sealer.add(_row(0, step), 0) == []
    (chunk,) = sealer.finish(_episode(0, 40))
    assert (chunk.row_count, chunk.first_step, chunk.episode.steps) == (40, 0, 40)
    assert chunk.stamp_matrix[3].tolist() == [30, 35]
    replace(chunk, spool_id="spool", first_sequence=1).check_header()
    assert sealer.finish(None) == []


def test_an_episode_of_exactly_one_chunk_still_carries_its_record():
    sealer = ChunkSealer(PROVENANCE)
    for step in range(ROWS_PER_CHUNK):
        assert sealer.add(_row(0, step), 0) == []
    (chunk,) = sealer.finish(_episode(0, ROWS_PER_CHUNK))
    assert (chunk.row_count, chunk.episode is not None) == (ROWS_PER_CHUNK, True)


def test_a_new_policy_or_purpose_starts_a_chunk():
    sealer = ChunkSealer(PROVENANCE)
    sealer.add(_row(0, 0, version=1), 0)
    (chunk,) = sealer.add(_row(0, 1, version=2), 0)
    assert (chunk.policy_version, chunk.row_count, chunk.episode) == (1, 1, None)
    (rest,) = sealer.add(_row(1, 0, purpose=EVALUATE), 0)
    assert (rest.policy_version, rest.first_step, rest.purpose) == (2, 1, "train")
    assert sealer.finish(None)[0].purpose == "evaluate"


def test_old_rows_are_sealed_but_for_the_newest():
    sealer = ChunkSealer(PROVENANCE)
    for step in range(5):
        sealer.add(_row(0, step), 0)
    assert sealer.seal_aged(AGE_MAX_NS - 1) == []
    (chunk,) = sealer.seal_aged(AGE_MAX_NS)
    assert (chunk.row_count, sealer.open_rows) == (4, 1)
    assert sealer.seal_aged(10 * AGE_MAX_NS) == []
    assert sealer.finish(_episode(0, 5))[0].first_step == 4


@given(
    st.lists(
        st.tuples(st.integers(1, 150), st.booleans(), st.integers(0, 2 * AGE_MAX_NS)), max_size=8
    )
)
def test_every_row_is_in_exactly_one_chunk(episodes):
    sealer = ChunkSealer(PROVENANCE)
    chunks, sent, now_ns = [], [], 0
    for index, (steps, ends_well, pause_ns) in enumerate(episodes):
        for step in range(steps):
            row = _row(index, step)
            sent.append(row.row)
            chunks += sealer.add(row, now_ns)
            now_ns += pause_ns // steps
            chunks += sealer.seal_aged(now_ns)
        chunks += sealer.finish(_episode(index, steps) if ends_well else None)
    assert b"".join(chunk.rows for chunk in chunks) == b"".join(sent)
    assert all(1 <= chunk.row_count <= ROWS_PER_CHUNK for chunk in chunks)
    with_record = [chunk.episode.index for chunk in chunks if chunk.episode]
    assert with_record == [i for i, (_, ends_well, _) in enumerate(episodes) if ends_well]
