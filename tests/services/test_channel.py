"""Channel arguments: gRPC ignores those it does not know, so each one's name is looked up."""

import asyncio
import re
from pathlib import Path

import grpc
import pytest
from grpc._cython import cygrpc

from services.channel import CHANNEL_OPTIONS, open_aio_channel
from services.server import build_server, server_options


@pytest.mark.parametrize(
    "name", sorted({name for name, _ in (*CHANNEL_OPTIONS, *server_options())})
)
def test_grpc_knows_every_channel_argument(name):
    library = Path(cygrpc.__file__).read_bytes()
    assert re.search(rb"(?<![a-z_.])" + re.escape(name.encode()) + rb"\0", library)


def test_no_argument_is_given_twice():
    for options in (CHANNEL_OPTIONS, server_options()):
        names = [name for name, _ in options]
        assert len(names) == len(set(names))


def test_the_servers_patience_with_pings_fits_the_clients_keepalive():
    ours, theirs = dict(server_options()), dict(CHANNEL_OPTIONS)
    # A starved server reads several pings together, so the least distance is far below the period.
    least_ms = ours["grpc.http2.min_ping_interval_without_data_ms"]
    assert 5 * least_ms <= theirs["grpc.keepalive_time_ms"]
    assert ours["grpc.keepalive_permit_without_calls"] == 1


@pytest.mark.slow
def test_an_idle_channel_stays_open_through_many_keepalives():
    async def scenario():
        server = build_server("127.0.0.1:0", [])
        await server.start()
        async with open_aio_channel(server.address) as channel:
            await asyncio.wait_for(channel.channel_ready(), 10)
            change = channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
            try:
                await asyncio.wait_for(change, 45)
            except TimeoutError:
                return channel.get_state()
            finally:
                await server.stop(0)
        return "cut"

    assert asyncio.run(scenario()) is grpc.ChannelConnectivity.READY
