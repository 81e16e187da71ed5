"""The servo bus for the length of a bring-up command, and what to do where it does not open."""

import contextlib
from collections.abc import Collection, Iterator
from shlex import quote

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.errors import PortError
from hal.dynamixel.port import SerialPort
from hal.dynamixel.port_users import PortUser, names_of_users
from services.bring_up.finding import Finding, fail

# A reply that an adapter holds back for 16 ms still counts: its lateness is a finding, no error.
TURNAROUND_S = 0.05

_REMEDIES = {
    "PORT_MISSING": "plug the adapter in, then: ls -l /dev/serial/by-id",
    "PORT_PERMISSION": "sudo usermod -aG dialout $USER, then log in again",
    "PORT_BUSY": "stop the program that has it (a controller: systemctl stop mbctl-controller, or "
    "Ctrl-C where it runs); who has it: sudo fuser -v {port}",
    "PORT_LOST": "plug the adapter in again, then: sudo dmesg | tail",
    "PORT_STUCK": "unplug the adapter and plug it in again; sudo dmesg | tail",
    "PORT_UNUSABLE": "a servo adapter is wanted, such as a U2D2: ls -l /dev/serial/by-id",
}


@contextlib.contextmanager
def opened_bus(port: str, baud_rate: int) -> Iterator[ServoBus]:
    """The bus behind `port`, closed at the end.

    Raises:
        PortError: the port is missing, forbidden, taken or not a serial port.
    """
    serial = SerialPort(port, baud_rate)
    try:
        yield ServoBus(serial, turnaround_s=TURNAROUND_S)
    finally:
        serial.close()


def port_failure(error: PortError, port: str) -> Finding:
    """A port error as a finding, with what to do about it."""
    remedy = _REMEDIES.get(error.reason, "ls -l /dev/serial/by-id; sudo dmesg | tail")
    return fail("port", str(error), remedy.format(port=quote(port)))


def shared_port_finding(users: Collection[PortUser], port: str) -> Finding:
    """Other processes read the port too: each answer reaches one of them, or in pieces."""
    message = f"{names_of_users(users)} has {port} open too and takes answers from it"
    pids = " ".join(str(user.pid) for user in users)
    return fail("other reader", message, f"end it, then look again: kill {pids}")


def stolen_finding(times: int, port: str) -> Finding:
    """Bytes were taken by a process that this user cannot see."""
    message = f"another program took bytes from {port} {times} times while servos answered"
    return fail("other reader", message, f"find and end it: sudo fuser -v {quote(port)}")
