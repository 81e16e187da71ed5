"""The port: found, shared, waited for, flooded, stuck and pulled out."""

import contextlib
import errno
import fcntl
import os
import pty
import threading
import time
import tty
from pathlib import Path

import pytest
import serial

import hal.dynamixel.port as port_module
from hal.dynamixel.errors import PortError
from hal.dynamixel.port import SerialPort

pytestmark = pytest.mark.xdist_group("timing")

MS = 1_000_000


class Line:
    """Two ends of a pseudo-terminal."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)

    def unplug(self) -> None:
        os.close(self.master)
        self.master = -1


@pytest.fixture
def line():
    line = Line()
    yield line
    for handle in (line.master, line.slave):
        if handle >= 0:
            os.close(handle)


@pytest.fixture
def port(line):
    port = SerialPort(line.path)
    yield port
    port.close()


def in_ms(count: float) -> int:
    return time.monotonic_ns() + round(count * MS)


def reason_of(call) -> str:
    with pytest.raises(PortError) as failure:
        call()
    return failure.value.reason


def test_bytes_go_both_ways(line, port):
    port.write(b"out")
    assert os.read(line.master, 10) == b"out"
    os.write(line.master, b"\xff\x00\x03\x11\x13\r\n")  # nothing is special on this line
    assert port.read_some(in_ms(1000)) == b"\xff\x00\x03\x11\x13\r\n"


def test_nothing_to_read_takes_until_the_deadline_and_no_longer(port):
    begin = time.monotonic()
    assert port.read_some(in_ms(30)) == b""
    assert 0.029 <= time.monotonic() - begin < 1


def test_a_deadline_in_the_past_takes_what_is_there_without_waiting(line, port):
    assert port.read_some(0) == b""
    os.write(line.master, b"x")
    assert port.read_some(in_ms(-5)) == b"x"


def test_bytes_that_come_later_end_the_wait(line, port):
    timer = threading.Timer(0.02, os.write, (line.master, b"late"))
    timer.start()
    assert port.read_some(in_ms(5000)) == b"late"
    timer.join()


def test_input_can_be_discarded(line, port):
    os.write(line.master, b"old")
    port.discard_input()
    assert port.read_some(in_ms(5)) == b""


def test_a_pseudo_terminal_has_no_latency(port):
    assert not port.low_latency
    assert port.latency_timer_ms() is None


@pytest.mark.parametrize(("text", "expected"), [("16\n", 16), ("1\n", 1), ("often\n", None)])
def test_latency_timer_of_the_driver(line, port, tmp_path, monkeypatch, text, expected):
    folder = tmp_path / Path(line.path).name
    folder.mkdir()
    (folder / "latency_timer").write_text(text)
    monkeypatch.setattr(port_module, "_USB_SERIAL", tmp_path)
    assert port.latency_timer_ms() == expected


def test_the_port_of_a_link_is_that_of_its_device(line, tmp_path):
    link = tmp_path / "by-id"
    link.symlink_to(line.path)
    port = SerialPort(link)
    os.write(line.master, b"x")
    assert port.read_some(in_ms(1000)) == b"x"
    assert port.path == str(link)
    port.close()


def test_a_port_has_one_owner_and_the_other_is_named(line, port):
    with pytest.raises(PortError, match=rf"another process \(pid {os.getpid()}\)") as refusal:
        SerialPort(line.path)
    assert refusal.value.reason == "PORT_BUSY"
    port.close()
    SerialPort(line.path).close()


def test_a_missing_port(tmp_path):
    with pytest.raises(PortError, match="plug the adaptor in") as refusal:
        SerialPort(tmp_path / "ttyUSB7")
    assert refusal.value.reason == "PORT_MISSING"


def test_a_forbidden_port_says_which_group(monkeypatch):
    def forbidden(*args, **kwargs):
        raise serial.SerialException(13, "could not open port /dev/ttyUSB0: Permission denied")

    monkeypatch.setattr(serial, "Serial", forbidden)
    with pytest.raises(PortError, match="dialout") as refusal:
        SerialPort("/dev/ttyUSB0")
    assert refusal.value.reason == "PORT_PERMISSION"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO])
def test_whatever_the_system_refuses_while_opening_is_a_reason(line, monkeypatch, number):
    """Such as the pipe that pyserial makes, or an adaptor that is pulled out just then."""

    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(serial.Serial, "_reset_input_buffer", refused)
    with pytest.raises(PortError, match=os.strerror(number)) as refusal:
        SerialPort(line.path)
    assert refusal.value.reason == "PORT_UNUSABLE"


def test_a_descriptor_of_any_number_can_be_waited_for(line, port):
    """A daemon with many connections opens the port when lower numbers are taken."""
    port._fd = fcntl.fcntl(port._fd, fcntl.F_DUPFD_CLOEXEC, 1500)
    try:
        os.write(line.master, b"abc")
        assert port.read_some(time.monotonic_ns() + 1000 * MS) == b"abc"
        begun = time.monotonic_ns()
        assert port.read_some(begun + 30 * MS) == b""
        assert 29 * MS < time.monotonic_ns() - begun < 500 * MS
        with pytest.raises(PortError) as refusal:
            port.write(bytes(1 << 20))
        assert refusal.value.reason == "PORT_STUCK"
    finally:
        os.close(port._fd)


def test_what_is_no_serial_port(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert reason_of(lambda: SerialPort(file)) == "PORT_UNUSABLE"


@pytest.mark.parametrize("baud_rate", [-1, "fast", 10**20])
def test_baud_rates_that_cannot_be(line, baud_rate):
    assert reason_of(lambda: SerialPort(line.path, baud_rate)) == "PORT_UNUSABLE"


def test_unplugged_while_reading(line, port):
    timer = threading.Timer(0.02, line.unplug)
    timer.start()
    assert reason_of(lambda: port.read_some(in_ms(5000))) == "PORT_LOST"
    timer.join()
    assert not port.is_open
    assert reason_of(lambda: port.read_some(in_ms(1))) == "PORT_CLOSED"


def test_unplugged_before_writing(line, port):
    line.unplug()
    assert reason_of(lambda: port.write(b"x")) == "PORT_LOST"
    assert not port.is_open


def test_an_adaptor_that_takes_nothing_never_blocks(port):
    begin = time.monotonic()
    assert reason_of(lambda: port.write(bytes(1 << 20))) == "PORT_STUCK"
    assert 0.019 <= time.monotonic() - begin < 1
    assert not port.is_open


def test_an_adaptor_that_takes_its_time_gets_everything(line):
    port, taken = SerialPort(line.path, write_timeout_s=10), bytearray()
    data = bytes(range(256)) * 256

    def drain():
        while len(taken) < len(data):
            taken.extend(os.read(line.master, 1000))

    reader = threading.Thread(target=drain)
    reader.start()
    port.write(data)
    reader.join()
    port.close()
    assert taken == data


def test_close_is_repeatable_and_final(port):
    port.close()
    port.close()
    for call in (lambda: port.write(b"x"), port.discard_input, lambda: port.read_some(0)):
        assert reason_of(call) == "PORT_CLOSED"


def test_bytes_that_another_process_takes_are_no_bytes_and_no_loss(line, port, monkeypatch):
    """The kernel had said that there was something; the other reader was faster."""
    taken = {"times": 3}
    read = os.read

    def robbed(handle: int, count: int) -> bytes:
        if handle == port._fd and taken["times"]:
            taken["times"] -= 1
            read(handle, count)
            return read(handle, count)  # nothing is left
        return read(handle, count)

    monkeypatch.setattr(os, "read", robbed)
    for left in (2, 1, 0):
        os.write(line.master, b"answer")
        assert port.read_some(in_ms(20)) == b""
        assert taken["times"] == left
    assert port.stolen_reads == 3
    assert port.is_open
    os.write(line.master, b"answer")
    assert port.read_some(in_ms(1000)) == b"answer"


def test_a_thief_on_the_line_costs_answers_and_not_the_port(line, port):
    thief = os.open(line.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    stop = threading.Event()

    def steal() -> None:
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                os.read(thief, 64)

    thread = threading.Thread(target=steal)
    thread.start()
    try:
        for _ in range(300):
            os.write(line.master, b"\xff\xff\xfd\x00")
            port.read_some(in_ms(1))
        assert port.is_open
    finally:
        stop.set()
        thread.join()
        os.close(thief)


def test_the_holder_of_a_busy_port_is_named(line, port):
    with pytest.raises(PortError) as busy:
        SerialPort(line.path)
    assert busy.value.reason == "PORT_BUSY"
    name = Path("/proc/self/comm").read_text().strip()
    assert f"(pid {os.getpid()}): {name}" in str(busy.value)
