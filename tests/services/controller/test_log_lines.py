"""What others can write into the log of a daemon: nothing that looks like its own, and not much."""

import contextlib
import json
import socket

import pytest

from services.errors import ServiceError

_HEAD = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
FORGED = b'\n{"event": "fault", "level": "error", "reason": "FORGED"}\n\x1b[31mred\x1b[2J\r\n'


def goaway(text: bytes) -> bytes:
    """The frame with which a peer says why it goes, in its own words."""
    frame = (8 + len(text)).to_bytes(3, "big") + bytes((7, 0, 0, 0, 0, 0))
    return _HEAD + frame + bytes((0, 0, 0, 0, 0, 0, 0, 11)) + text


def send(target: str, data: bytes) -> None:
    host, port = target.split(":")
    with socket.create_connection((host, int(port)), 5.0) as peer:
        peer.settimeout(0.3)
        with contextlib.suppress(OSError):
            peer.sendall(data)
            peer.recv(1000)


@pytest.mark.parametrize("verbosity", ["", "INFO"])
def test_a_peer_forges_no_line(start_controller, monkeypatch, wait_for, verbosity):
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)
    if verbosity:
        monkeypatch.setenv("GRPC_VERBOSITY", verbosity)
    controller = start_controller()
    with controller.client() as client:
        for data in (goaway(FORGED), b"GET /" + FORGED, b"\x16\x03\x01" + FORGED, FORGED):
            send(client.caller.target, data)
        if verbosity:
            wait_for(lambda: any("FORGED" in e["text"] for e in controller.events("output")))
    assert controller.stop() == 0
    lines = controller.log.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert {event["service"] for event in events} == {"controller"}
    assert "fault" not in {event["event"] for event in events}
    assert all(line.isprintable() for line in lines)
    assert verbosity or not controller.events("output")


def test_refusals_are_logged_up_to_a_rate_and_the_others_counted(start_controller):
    controller = start_controller()
    refused = 300
    with controller.client() as client:
        for _ in range(refused):
            with pytest.raises(ServiceError):
                client.clear_fault()
    assert controller.stop() == 0
    shown = len(controller.events("call_refused"))
    told = controller.events("log_rate_limited")
    assert shown < 60
    assert shown + sum(event["count"] for event in told) == refused
    assert told[0]["of"] == "call_refused"
    assert told[0]["method"].endswith("/ClearFault")
