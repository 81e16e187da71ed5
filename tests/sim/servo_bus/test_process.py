"""Names belong to one bus: a second one leaves them alone, a killed one is in nobody's way."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hal.dynamixel.packet import Instruction
from sim.servo_bus.client import RunningBus, VirtualBusError

StartBus = Callable[..., RunningBus]


def options(folder: Path) -> dict[str, str]:
    return {
        "port_link": str(folder / "claw"),
        "control": str(folder / "control"),
        "record": str(folder / "record"),
    }


def answers(bus: RunningBus, open_host: Callable[[str], Any]) -> bool:
    """Whether it is reached under its link and its control socket."""
    host = open_host(bus.port)
    answered = len(host.ask(10, Instruction.PING, wait_s=2.0, enough=1)) == 1
    host.port.close()
    return answered and bus.state()["plugged"]


@pytest.mark.parametrize("taken", [["port_link"], ["control"], ["record"], []])
def test_a_second_bus_of_one_name_is_refused_and_the_first_goes_on(
    start_bus: StartBus, open_host: Callable[[str], Any], tmp_path: Path, taken: list[str]
):
    first = start_bus(**options(tmp_path))
    own = tmp_path / "second"
    own.mkdir()
    given = options(own) | {name: options(tmp_path)[name] for name in taken or options(tmp_path)}
    recorded = Path(first.record).stat().st_ino, Path(first.record).stat().st_size
    with pytest.raises(VirtualBusError, match=rf"in use by .*\(process {first.pid}\)"):
        start_bus(**given)
    assert list(own.iterdir()) == []
    assert answers(first, open_host)
    now = Path(first.record).stat()
    assert (now.st_ino, now.st_size >= recorded[1]) == (recorded[0], True)
    first.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["record", "second"]


def test_the_same_name_by_another_way_is_the_same(start_bus: StartBus, tmp_path: Path):
    start_bus(**options(tmp_path))
    (tmp_path / "way").symlink_to(tmp_path)
    with pytest.raises(VirtualBusError, match="port link"):
        start_bus(port_link=str(tmp_path / "way" / "claw"))


def test_a_killed_bus_is_no_obstacle_to_the_next(
    start_bus: StartBus, open_host: Callable[[str], Any], tmp_path: Path
):
    for _ in range(2):
        bus = start_bus(**options(tmp_path))
        assert answers(bus, open_host)
        os.kill(bus.pid, signal.SIGKILL)
        bus._process.wait(5)  # pyright: ignore[reportPrivateUsage]
        assert (tmp_path / "control").is_socket()
        assert (tmp_path / "claw").is_symlink()
    last = start_bus(**options(tmp_path))
    assert answers(last, open_host)


def test_one_name_for_two_things_is_refused(start_bus: StartBus, tmp_path: Path):
    with pytest.raises(VirtualBusError, match="port link and control socket are both"):
        start_bus(port_link=str(tmp_path / "claw"), control=str(tmp_path / "claw"))


def test_what_is_not_of_a_bus_is_left_alone(start_bus: StartBus, tmp_path: Path):
    robot = tmp_path / "usb-adaptor"
    robot.write_text("")
    (tmp_path / "claw").symlink_to(robot)
    with pytest.raises(VirtualBusError, match=r"leads to .*usb-adaptor"):
        start_bus(port_link=str(tmp_path / "claw"))
    assert (tmp_path / "claw").readlink() == robot
    (tmp_path / "control").write_text("notes")
    with pytest.raises(VirtualBusError, match="control socket"):
        start_bus(control=str(tmp_path / "control"))
    assert (tmp_path / "control").read_text() == "notes"


def test_a_socket_on_which_another_program_listens_is_left_alone(
    start_bus: StartBus, tmp_path: Path
):
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(VirtualBusError, match="another program listens there"):
            start_bus(control=str(path))
    assert path.is_socket()
