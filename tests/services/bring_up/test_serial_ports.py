"""Which port is taken, and what is said about one that cannot be used."""

import os
from pathlib import Path

import pytest

from hal.dynamixel.errors import PortError
from services.bring_up import serial_ports
from services.bring_up.finding import Level
from services.bring_up.serial_ports import (
    SerialPorts,
    choose_port,
    latency_findings,
    port_findings,
    require_port,
)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A /dev with an adapter that has a name, and one that has none."""
    (tmp_path / "dev/serial/by-id").mkdir(parents=True)
    for name in ("ttyUSB0", "ttyUSB1"):
        (tmp_path / "dev" / name).touch()
    (tmp_path / "dev/serial/by-id/usb-FTDI-port0").symlink_to("../../ttyUSB0")
    return tmp_path


def test_names_that_stay_come_first_and_each_device_once(machine: Path):
    found = SerialPorts.look(machine).paths
    assert [Path(p).name for p in found] == ["usb-FTDI-port0", "ttyUSB1"]


def test_a_port_that_is_named_is_taken(machine: Path):
    port, finding = choose_port("/dev/ttyUSB7", SerialPorts.look(machine))
    assert port == "/dev/ttyUSB7"
    assert finding.level is Level.OK


def test_several_ports_have_to_be_chosen_from(machine: Path):
    port, finding = choose_port("", SerialPorts.look(machine))
    assert port == ""
    assert finding.level is Level.FAIL
    assert "ttyUSB1" in finding.message
    assert finding.remedy.startswith("say which: --port ")


def test_the_only_port_is_taken():
    port, finding = choose_port("", SerialPorts(("/dev/ttyUSB0",)))
    assert port == "/dev/ttyUSB0"
    assert finding.level is Level.OK


def test_no_port_says_what_to_look_at():
    port, finding = choose_port("", SerialPorts(()))
    assert port == ""
    assert "modprobe ftdi_sio" in finding.remedy


@pytest.mark.parametrize(
    ("ports", "reason"), [((), "PORT_MISSING"), (("/dev/a", "/dev/b"), "PORT_AMBIGUOUS")]
)
def test_a_port_that_must_be_there_is_an_error(
    ports: tuple[str, ...], reason: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(SerialPorts, "look", lambda: SerialPorts(ports))
    with pytest.raises(PortError) as refused:
        require_port("")
    assert refused.value.reason == reason
    assert require_port("/dev/c") == "/dev/c"


def test_a_port_that_does_not_exist_names_one_that_does():
    (finding,) = port_findings("/dev/ttyUSB8", SerialPorts(("/dev/ttyUSB9",)))
    assert finding.level is Level.FAIL
    assert finding.remedy.endswith("--port /dev/ttyUSB9")


def test_a_file_is_no_port(tmp_path: Path):
    (finding,) = port_findings(str(tmp_path), SerialPorts(()))
    assert finding.level is Level.FAIL
    assert "not a serial device" in finding.message


def test_a_forbidden_port_names_the_group_to_join(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (finding,) = port_findings("/dev/null", SerialPorts(()))
    assert finding.level is Level.FAIL
    assert finding.remedy.startswith("sudo usermod -aG ")


def test_a_number_is_warned_of_where_a_name_exists(tmp_path: Path):
    link = tmp_path / "dev/serial/by-id/usb-FTDI"
    link.parent.mkdir(parents=True)
    link.symlink_to("/dev/null")
    ports = SerialPorts((str(link),))
    (finding,) = port_findings("/dev/null", ports)
    assert finding.level is Level.WARN
    assert finding.remedy.endswith(f"--port {link}")
    assert port_findings(str(link), ports) == []


@pytest.mark.parametrize(
    ("timer_ms", "low_latency", "level"),
    [(None, False, None), (16, False, "fail"), (1, False, "ok"), (16, True, "ok")],
)
def test_the_latency_timer_is_judged_by_what_it_does(
    timer_ms: int | None, low_latency: bool, level: str | None
):
    found = latency_findings("/dev/ttyUSB0", timer_ms, low_latency)
    assert [f.level.value for f in found] == ([] if level is None else [level])


def test_the_latency_remedy_names_the_device_behind_a_link(
    machine: Path, monkeypatch: pytest.MonkeyPatch
):
    timer = machine / "sys/ttyUSB0/latency_timer"
    timer.parent.mkdir(parents=True)
    timer.touch()
    monkeypatch.setattr(serial_ports, "USB_SERIAL", machine / "sys")
    remedy = serial_ports.latency_remedy(str(machine / "dev/serial/by-id/usb-FTDI-port0"))
    assert f"sudo tee {timer}" in remedy
    assert "udevadm" in remedy
    assert "no latency timer" in serial_ports.latency_remedy("/dev/null")
