"""A small run against a real trainer daemon, and the relay that counts its bytes."""

import asyncio

import pytest

from services.bench.ingest import (
    ONE_EACH,
    ONE_STREAMED,
    IngestSizes,
    payload_bytes,
    rate_figures,
    run_ingest,
    wire_figures,
)
from services.bench.relay import CountingRelay
from services.bench.sender import Batch, build_chunks

TINY = IngestSizes(rows_256=512, rows_64=256, rows_1=20, rows_ack_each=5, rounds=1)


def test_rows_are_sent_counted_and_stored(task, said):
    report = run_ingest(TINY, said.append, quick=True)
    assert report.details["rows stored"] == report.details["rows sent"] == 2 * 793
    figures = {(figure.name, figure.baseline_name): figure for figure in report.figures}
    assert len(figures) == 8
    for figure in figures.values():
        assert figure.ratio == pytest.approx(figure.value / figure.baseline)
    wire = [figure for figure in report.figures if figure.name.startswith("on the wire")]
    assert all(figure.value > figure.baseline == payload_bytes(task) for figure in wire)
    assert wire[0].value < wire[1].value < wire[2].value


def test_each_kind_of_chunk_is_held_against_both_kinds_of_single_rows():
    rates = {"chunks of 256 rows": 5000.0, ONE_STREAMED: 100.0, ONE_EACH: 50.0}
    assert [(f.ratio, f.reached) for f in rate_figures(rates)] == [(50.0, True), (100.0, True)]
    chunked, single = wire_figures({"chunks of 256 rows": 430.0, ONE_STREAMED: 600.0}, 400)
    assert chunked.ratio == pytest.approx(1.075)
    assert chunked.reached is False
    assert single.goal is None


def test_chunks_are_valid_and_contiguous(task):
    from mbctl.policies.manifest import row_layout

    chunks = build_chunks(task, Batch(rows=192, per_message=64))
    for chunk in chunks:
        chunk.check(row_layout(task))
    assert [chunk.first_sequence for chunk in chunks] == [1, 65, 129]
    assert sum(chunk.payload_bytes for chunk in chunks) == 192 * payload_bytes(task)
    with pytest.raises(ValueError, match="100 rows do not fill chunks of 64"):
        build_chunks(task, Batch(rows=100, per_message=64))


def test_the_relay_counts_both_ways():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        writer.write(b"three")
        await writer.drain()
        writer.close()

    async def scenario() -> tuple[int, int]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, CountingRelay(f"127.0.0.1:{port}") as relay:
            host, _, there = relay.address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(there))
            writer.write(b"hello")
            assert await reader.read() == b"three"
            writer.close()
            return relay.sent, relay.received

    assert asyncio.run(scenario()) == (5, 5)
