"""The side entrance, asked for nonsense: an error for who asks, and a bus that goes on."""

import errno
import json
import socket
import time
from contextlib import ExitStack
from typing import Any

import pytest

from sim.servo_bus.client import RunningBus, VirtualBusError


@pytest.mark.parametrize(
    "request_",
    [
        {"set_joint": {"name": "FFJ11", "position_rad": float("nan")}},
        {"set_joint": {"name": "FFJ11", "position_rad": float("inf")}},
        {"set_joint": {"name": "FFJ11", "position_rad": 1e300}},
        {"set_joint": {"name": "FFJ11", "position_rad": "up"}},
        {"disturb": {"name": "FFJ11", "torque_nm": float("nan"), "duration_s": 1.0}},
        {"disturb": {"name": "FFJ11", "torque_nm": 1e300, "duration_s": 1.0}},
        {"disturb": {"name": "FFJ11", "torque_nm": 1.0, "duration_s": float("inf")}},
        {"disturb": {"name": "FFJ11", "torque_nm": 1.0, "duration_s": -1.0}},
        {"set_body": {"pose": [float("nan")] * 6}},
        {"set_register": {"id": 11, "name": "led", "value": float("inf")}},
        {"set_register": {"id": 11, "name": "led", "value": 10**30}},
        {"set_register": {"id": 11, "name": "operating_mode", "value": 77}},
        {"set_register": {"id": 11, "name": "baud_rate", "value": 200}},
        {"set_register": {"id": 11, "name": "indirect_address_1", "value": 60_000}},
        {"set_register": {"id": [11], "name": "led", "value": 1}},
        {"set_register": 11},
        {"get": "motion", "since_ns": float("inf")},
        {"get": ["state"]},
        {"fault": "temperature", "id": 11, "temperature_c": float("nan")},
        {"fault": "voltage_sag", "voltage_v": float("inf")},
        {"fault": "drop", "duration_s": float("nan")},
    ],
    ids=lambda request: json.dumps(request)[:60],
)
def test_nonsense_is_refused_and_the_bus_goes_on(bus: RunningBus, request_: dict[str, Any]):
    with pytest.raises(VirtualBusError) as caught:
        bus.request(request_)
    assert caught.value.reason != "VIRTUAL_BUS_FAILED", "it hung up"
    check_alive(bus)


@pytest.mark.parametrize("line", [b"[" * 60_000, b'{"get": ' * 9_000, b"\xff\xfe\n", b"1" * 5_000])
def test_what_is_no_request_is_refused(bus: RunningBus, line: bytes):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(bus.settings.control)
        connection.sendall(line + b"\n")
        answer = json.loads(connection.makefile("rb").readline())
    assert answer["reason"] == "REQUEST_INVALID"
    check_alive(bus)


def test_idle_connections_neither_end_it_nor_shut_others_out(bus: RunningBus):
    with ExitStack() as stack:
        for _ in range(300):
            connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            connection.settimeout(20)
            while connection.connect_ex(bus.settings.control) == errno.EAGAIN:
                time.sleep(0.01)  # as many as the kernel lets wait, on a busy machine
        check_alive(bus)


def check_alive(bus: RunningBus) -> None:
    joints = bus.state()["joints"].values()
    assert bus.is_running
    assert all(abs(joint["position_rad"]) < 1e3 for joint in joints)
    assert bus.table(11)["id"] == 11
