"""A first conversation over the terminal, and the life of the process behind it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.servo_bus.client import RunningBus, VirtualBusError, start_virtual_bus
from sim.servo_bus.settings import VirtualBusSettingsError

IDS = (10, 11, 12, 20, 21, 22, 30, 31, 32, 50, 60)


def test_the_sdk_talks_to_all_servos(bus, sdk):
    assert [servo["id"] for servo in bus.servos] == list(IDS)
    for servo_id in IDS:
        assert sdk.packets.ping(sdk.port, servo_id) == (1020, 0, 0)
    group = sdk.sync_read(IDS, 132, 4)
    assert group.result == 0
    joints = {joint["id"]: joint["position_rad"] for joint in bus.state()["joints"].values()}
    # offset of the valve is -pi: its zero is tick 2048
    assert group.getData(50, 132, 4) == pytest.approx(
        2048 + joints[50] * 4096 / (2 * 3.14159265), abs=1
    )


def test_a_goal_moves_its_joint(bus, sdk):
    position = sdk.packets.read4ByteTxRx(sdk.port, 11, 132)[0]
    assert sdk.packets.write4ByteTxRx(sdk.port, 11, 116, position) == (0, 0)
    assert sdk.packets.write1ByteTxRx(sdk.port, 11, 64, 1) == (0, 0)
    assert sdk.packets.write4ByteTxRx(sdk.port, 11, 116, 2300) == (0, 0)
    bus.wait_for(lambda state: abs(state["joints"]["FFJ11"]["position_rad"] - 0.38) < 0.1)
    assert bus.state()["joints"]["FFJ11"]["torque_on"]
    assert sdk.packets.write1ByteTxRx(sdk.port, 11, 64, 0) == (0, 0)
    bus.wait_for(lambda state: state["asleep"])


def test_the_clocks_of_the_servos_go_on_while_the_process_stands_still(bus, sdk):
    """Or a host would think that they were switched off and on."""
    assert sdk.packets.write1ByteTxRx(sdk.port, 11, 64, 1) == (0, 0)  # the physics are awake

    def shows_ms() -> int:
        return sdk.packets.read2ByteTxRx(sdk.port, 11, 120)[0]

    since_s, before_ms, stalled_ns = time.monotonic(), shows_ms(), stalled(bus)
    os.kill(bus.pid, signal.SIGSTOP)
    time.sleep(0.4)
    os.kill(bus.pid, signal.SIGCONT)
    bus.wait_for(lambda _: stalled(bus) - stalled_ns > 0.35e9)
    gone_ms = (shows_ms() - before_ms) % 32768
    assert 400 <= gone_ms <= 1e3 * (time.monotonic() - since_s) + 1


def stalled(bus: RunningBus) -> int:
    return bus.state()["counters"]["stalled_ns"]


def test_the_link_and_all_files_go_with_the_bus(tmp_path: Path):
    link = tmp_path / "claw"
    with start_virtual_bus(port_link=str(link)) as bus:
        assert bus.port == str(link)
        assert str(link.readlink()) == bus.state()["port"]
        control = Path(bus.settings.control)
        assert control.exists()
    assert not bus.is_running
    assert not link.is_symlink()
    assert not control.exists()
    with pytest.raises(VirtualBusError, match="virtual bus"):
        bus.state()


def test_a_bus_ends_with_the_process_that_started_it():
    code = (
        "import os, sys\nfrom sim.servo_bus.client import start_virtual_bus\n"
        "print(start_virtual_bus().pid, flush=True)\nos._exit(1)\n"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    deadline = time.monotonic() + 20
    while Path(f"/proc/{int(run.stdout)}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"robot": "dcat"}, "robot is 'dcat'"),
        ({"baud": 12345}, "baud is 12345"),
        ({"model": 7}, "model is 7"),
        ({"latency_ms": -1.0}, "latency_ms is -1"),
        ({"initial": "lie"}, "initial is 'lie'"),
    ],
)
def test_what_cannot_be_is_refused_before_a_start(options: dict, what: str):
    with pytest.raises(VirtualBusSettingsError, match=what):
        start_virtual_bus(**options)


def test_a_bus_that_cannot_start_says_why(tmp_path: Path):
    taken = tmp_path / "claw"
    taken.write_text("mine")
    with pytest.raises(VirtualBusError, match="is a file"):
        start_virtual_bus(port_link=str(taken))
    assert taken.read_text() == "mine"


def test_bad_requests_are_refused_in_words(bus: RunningBus):
    for request, what in [
        ({"fault": "drop", "ids": 3}, "takes no ids"),
        ({"fault": "mute"}, "its id is missing"),
        ({"fault": "drop", "id": 99}, "no servo 99"),
        ({"fault": "delay", "delay_s": -1}, "expected 0 to 60"),
        ({"fault": "flood", "pattern": "songs"}, "expected one of"),
        ({"get": "weather"}, "expected one of"),
        ({"get": "table", "id": 1}, "no servo 1"),
        ({"set_joint": {"name": "elbow", "position_rad": 0}}, "no joint 'elbow'"),
        ({}, "expected exactly one of"),
    ]:
        with pytest.raises(VirtualBusError, match=what):
            bus.request(request)
    assert bus.is_running
