"""A unix socket has one server: the second is refused, and what a dead one left is no obstacle."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mbctl.exit_codes import StartUpError
from services.client import ControllerClient
from services.server import build_server
from services.unix_socket import claim_socket

_SERVER = """
import asyncio, os, sys
from services.server import build_server
async def serve():
    os.umask(0o077)
    server = build_server(sys.argv[1], [])
    await server.start()
    print("serving", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)
asyncio.run(serve())
"""


class Server:
    """A server process; the block's end ends it in an orderly way."""

    def __init__(self, address: str) -> None:
        command = [sys.executable, "-P", "-c", _SERVER, address]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    def __enter__(self) -> "Server":
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"serving\n"
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate(timeout=20)


def serves(address: str) -> bool:
    with ControllerClient(address) as client:
        return client.caller.is_serving("", timeout_s=5.0)


def refusal_of(address: str) -> str:
    async def scenario() -> str:
        with pytest.raises(StartUpError) as caught:
            build_server(address, [])
        return str(caught.value)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    "spelling",
    ["unix:{0}/robot", "unix://{0}/robot", "unix:{0}/../{1}/robot", "unix:{0}/here/robot"],
)
def test_the_second_listener_is_refused_and_removes_nothing(
    short_dir: Path, spelling: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.unix_socket._DYING_S", 0.2)
    path = short_dir / "robot"
    (short_dir / "here").symlink_to(short_dir)
    second = spelling.format(short_dir, short_dir.name)
    with Server(f"unix:{path}") as first:
        message = refusal_of(second)
        assert f"(process {first.process.pid})" in message
        assert str(path) in message
        assert serves(f"unix:{path}")
    assert not path.exists()


def test_an_abstract_socket_has_one_server_too():
    address = f"unix-abstract:mbctl-test-{os.getpid()}"
    with Server(address):
        assert address in refusal_of(address)
        assert serves(address)


def test_a_socket_left_by_a_killed_server_is_no_obstacle(short_dir: Path):
    path = short_dir / "robot"
    with Server(f"unix:{path}") as killed:
        killed.process.send_signal(signal.SIGKILL)
    assert path.is_socket()
    with Server(f"unix:{path}"):
        assert serves(f"unix:{path}")
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_another_program_s_socket_is_left_alone(short_dir: Path):
    path = short_dir / "robot"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        assert "another program" in refusal_of(f"unix:{path}")
        assert path.is_socket()


def test_what_is_no_socket_is_left_alone(short_dir: Path):
    path = short_dir / "robot"
    path.write_text("kept")
    assert "no socket" in refusal_of(f"unix:{path}")
    assert path.read_text() == "kept"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("unix:/nowhere/robot", "no directory /nowhere"),
        ("unix:/run/" + "l" * 120, "at most 107"),
        ("unix:/run/a%20b", "names no socket"),
        ("unix:/run/a#b", "names no socket"),
        ("unix:/", "names no socket"),
    ],
)
def test_a_path_that_cannot_be_is_refused_by_name(address: str, said: str):
    assert said in refusal_of(address)


def test_the_claim_ends_with_its_descriptor(short_dir: Path):
    address = f"unix:{short_dir}/robot"
    claim = claim_socket(address)
    assert refusal_of(address)
    os.close(claim)
    os.close(claim_socket(address))


def test_localhost_is_refused_while_another_has_one_of_its_addresses():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"127.0.0.1 port {port} is in use" in refusal_of(f"localhost:{port}")
