"""Which serial port the servo adapter is on, and whether this user can use it.

Ports are named by /dev/serial/by-id where possible: ttyUSB numbers change with every replug.
"""

import grp
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from hal.dynamixel.errors import PortError
from services.bring_up.finding import Finding, fail, ok, warn

BY_ID = Path("dev/serial/by-id")
SERIAL_NAMES = ("ttyUSB*", "ttyACM*")
USB_SERIAL = Path("/sys/bus/usb-serial/devices")
UDEV_RULE = "docs/udev/99-mbctl.rules"


@dataclass(frozen=True, slots=True)
class SerialPorts:
    """Serial ports of this machine that a servo adapter may be.

    Attributes:
        paths: by-id links first, then devices that no link leads to.
    """

    paths: tuple[str, ...]

    @staticmethod
    def look(root: Path = Path("/")) -> "SerialPorts":
        """Those there are now, below `root`."""
        links = sorted((root / BY_ID).glob("*"))
        linked = {link.resolve() for link in links}
        devices = [p for name in SERIAL_NAMES for p in sorted((root / "dev").glob(name))]
        return SerialPorts((*map(str, links), *(str(d) for d in devices if d not in linked)))


def choose_port(wanted: str, ports: SerialPorts) -> tuple[str, Finding]:
    """The port to use: `wanted`, or the only one there is.

    Returns:
        The port, empty when the operator has to choose, and what to say about it.
    """
    if wanted:
        return wanted, ok("port", f"{wanted}, as told")
    if len(ports.paths) == 1:
        return ports.paths[0], ok("port", f"{ports.paths[0]}, the only one on this machine")
    if ports.paths:
        listed = ", ".join(ports.paths)
        remedy = f"say which: --port {quote(ports.paths[0])}"
        return "", fail("port", f"{len(ports.paths)} serial ports: {listed}", remedy)
    message = "no serial port: no adapter is plugged in, or the kernel has no driver for it"
    remedy = (
        "plug in the U2D2, then: sudo modprobe ftdi_sio; sudo dmesg | tail; ls /dev/serial/by-id"
    )
    return "", fail("port", message, remedy)


def require_port(wanted: str) -> str:
    """`wanted`, or the only port of this machine.

    Raises:
        PortError: PORT_MISSING, there is none; PORT_AMBIGUOUS, there are several.
    """
    ports = SerialPorts.look()
    port, finding = choose_port(wanted, ports)
    if port:
        return port
    reason = "PORT_AMBIGUOUS" if ports.paths else "PORT_MISSING"
    raise PortError(f"{finding.message}; {finding.remedy}", reason=reason)


def port_findings(path: str, ports: SerialPorts) -> list[Finding]:
    """Whether `path` is a serial device that this user may open; nothing is opened."""
    found = _device_finding(path, ports)
    if found is not None:
        return [found]
    access = _access_finding(Path(path))
    return [access] if access else [*_name_findings(path, ports)]


def _device_finding(path: str, ports: SerialPorts) -> Finding | None:
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return _absent(path, ports)
    except OSError as error:
        return fail(
            "port", f"{path}: {error.strerror}", f"ls -lL {quote(str(path))}; sudo dmesg | tail"
        )
    if stat.S_ISCHR(mode):
        return None
    return fail("port", f"{path} is not a serial device", "ls -l /dev/serial/by-id")


def _absent(path: str, ports: SerialPorts) -> Finding:
    if ports.paths:
        return fail(
            "port", f"{path} does not exist", f"use one there is: --port {quote(ports.paths[0])}"
        )
    remedy = "plug the adapter in, then: ls -l /dev/serial/by-id; sudo dmesg | tail"
    return fail("port", f"{path} does not exist, nor any other serial port", remedy)


def _access_finding(path: Path) -> Finding | None:
    if os.access(path, os.R_OK | os.W_OK):
        return None
    group = _group_name(path.stat().st_gid)
    message = f"this user may not open {path}, which belongs to group {group}"
    return fail("port", message, f"sudo usermod -aG {group} $USER, then log in again")


def _group_name(group_id: int) -> str:
    try:
        return grp.getgrgid(group_id).gr_name
    except KeyError:
        return str(group_id)


def _name_findings(path: str, ports: SerialPorts) -> Sequence[Finding]:
    """A ttyUSB number is no name: it belongs to whatever was plugged in first."""
    device = Path(path).resolve()
    links = [p for p in ports.paths if BY_ID.as_posix() in p and Path(p).resolve() == device]
    if not links or path in links:
        return ()
    message = f"{path} may be another device after the next replug"
    return (warn("port name", message, f"use the name that stays: --port {quote(links[0])}"),)


def latency_findings(path: str, latency_ms: int | None, low_latency: bool) -> list[Finding]:
    """Latency of the open port, as its driver reports it.

    Args:
        latency_ms: its latency timer, None where it has none.
        low_latency: its low-latency mode is on, in which the timer counts 1 ms whatever it says.
    """
    if latency_ms is None and not low_latency:
        return []
    if latency_ms is None or low_latency:
        return [ok("latency timer", "the driver passes bytes on at once")]
    if latency_ms <= 1:
        return [ok("latency timer", f"{latency_ms} ms")]
    message = f"the adapter holds answers back for up to {latency_ms} ms; 1 ms is what it can do"
    return [fail("latency timer", message, latency_remedy(path))]


def latency_remedy(path: str) -> str:
    """How to make the adapter behind `path` pass bytes on after 1 ms, now and after each replug."""
    timer = USB_SERIAL / Path(path).resolve().name / "latency_timer"
    if not timer.exists():
        return (
            f"{path} has no latency timer to set: use an adapter that has one, such as a U2D2 (of "
            "a virtual bus: --latency-ms 1)"
        )
    return (
        f"echo 1 | sudo tee {timer}; to keep it: "
        f"sudo cp {UDEV_RULE} /etc/udev/rules.d/ && sudo udevadm control --reload && "
        "sudo udevadm trigger"
    )
