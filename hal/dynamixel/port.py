"""The serial port of the servo bus, so that it can neither block the control loop nor be shared.

Opening is pyserial's: exclusive, in the driver's low-latency mode. Reading and writing go to the
file descriptor, since a control cycle has no time for more: one wait in the kernel until bytes
come or an absolute deadline has passed. This is the only module that imports pyserial.
"""

import contextlib
import errno
import math
import os
import select
import termios
import time
from pathlib import Path

import serial

from hal.dynamixel.errors import PortError
from hal.dynamixel.port_users import port_users, user_of
from hal.dynamixel.units import DEFAULT_BAUD_RATE

_READ_BYTES = 512  # bounds what is parsed between two looks at the clock
_USB_SERIAL = Path("/sys/bus/usb-serial/devices")
_LOCKS = Path("/proc/locks")
_NS = 1_000_000_000
_SELECT_MAX = 1024  # FD_SETSIZE
_HUNG_UP = select.POLLHUP | select.POLLERR | select.POLLNVAL
_REASONS = {
    errno.ENOENT: "PORT_MISSING",
    errno.ENODEV: "PORT_MISSING",
    errno.ENXIO: "PORT_MISSING",
    errno.EACCES: "PORT_PERMISSION",
    errno.EPERM: "PORT_PERMISSION",
    errno.EAGAIN: "PORT_BUSY",
    errno.EBUSY: "PORT_BUSY",
}


class SerialPort:
    """One open port with one owner, who uses it from one thread. It is closed when it is lost.

    Args:
        path: of the device, such as /dev/serial/by-id/...
        baud_rate: bits per second.
        write_timeout_s: after this time without room for more bytes the adaptor is stuck.

    Attributes:
        stolen_reads: times that bytes were announced and another process had taken them.

    Raises:
        PortError: it cannot be opened; says why and what to do.
    """

    def __init__(
        self, path: str | Path, baud_rate: int = DEFAULT_BAUD_RATE, write_timeout_s: float = 0.02
    ) -> None:
        self.path = str(path)
        self.baud_rate = baud_rate
        self._write_timeout_ns = round(write_timeout_s * _NS)
        self._serial = _open(self.path, baud_rate)
        self._fd = self._serial.fileno()
        self.stolen_reads = 0
        self.low_latency = self._shorten_latency()

    def __repr__(self) -> str:
        return f"SerialPort({self.path}, {self.baud_rate} baud, open={self.is_open})"

    @property
    def is_open(self) -> bool:
        """False after `close`, and after the port was lost or stuck."""
        return self._serial.is_open

    def latency_timer_ms(self) -> int | None:
        """How long the adaptor's driver is set to hold received bytes; None where it has no timer.

        In low-latency mode an FTDI adaptor uses 1 ms whatever this says.
        """
        timer = _USB_SERIAL / Path(self.path).resolve().name / "latency_timer"
        try:
            return int(timer.read_text())
        except (OSError, ValueError):
            return None

    def read_some(self, deadline_ns: int) -> bytes:
        """What has arrived, waiting for a first byte until `deadline_ns`; b"" if none came.

        Args:
            deadline_ns: of the monotonic clock; when it has passed, this does not wait.

        Raises:
            PortError: unplugged (PORT_LOST), or not open (PORT_CLOSED).
        """
        self._require_open()
        while True:
            wait_ns = deadline_ns - time.monotonic_ns()
            if not self._wait_for_bytes(wait_ns / _NS if wait_ns > 0 else 0):
                return b""
            data = self._read_once()
            if data:
                return data
            self.stolen_reads += 1  # another process has taken what was there
            if wait_ns <= 0:
                return b""

    def write(self, data: bytes) -> None:
        """Hand all of `data` to the driver.

        Raises:
            PortError: unplugged (PORT_LOST), no room within the time limit (PORT_STUCK), or not
                open (PORT_CLOSED).
        """
        self._require_open()
        rest = memoryview(data)[self._write_once(data) :]
        deadline_ns = time.monotonic_ns() + self._write_timeout_ns
        while rest:
            wait_ns = deadline_ns - time.monotonic_ns()
            if wait_ns <= 0:
                raise self._stuck(len(rest), len(data))
            _wait_for(self._fd, select.POLLOUT, wait_ns / _NS)
            rest = rest[self._write_once(rest) :]

    def discard_input(self) -> None:
        """Throw away what has arrived.

        Raises:
            PortError: unplugged (PORT_LOST), or not open (PORT_CLOSED).
        """
        self._require_open()
        try:
            termios.tcflush(self._fd, termios.TCIFLUSH)
        except (OSError, termios.error) as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Release the port. Repeatable; never waits for bytes that a stuck adaptor holds."""
        if not self._serial.is_open:
            return
        with contextlib.suppress(OSError, termios.error):  # gone, and with it what it held
            termios.tcflush(self._fd, termios.TCOFLUSH)
        self._serial.close()

    def _wait_for_bytes(self, timeout_s: float) -> bool:
        try:
            return _wait_for(self._fd, select.POLLIN, timeout_s)
        except OSError as error:
            raise self._lost(error) from error

    def _read_once(self) -> bytes:
        """What is there; b"" if that is nothing, although the kernel had said there was."""
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            data = b""
        except OSError as error:
            raise self._lost(error) from error
        if not data and self._is_hung_up():
            raise self._lost(None)
        return data

    def _is_hung_up(self) -> bool:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return any(flags & _HUNG_UP for _, flags in poll.poll(0))

    def _write_once(self, data: bytes | memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(error) from error

    def _shorten_latency(self) -> bool:
        """Ask the driver to pass bytes on at once; a pseudo-terminal has no such mode."""
        try:
            self._serial.set_low_latency_mode(True)
        except (ValueError, OSError, NotImplementedError):
            return False
        return True

    def _require_open(self) -> None:
        if not self._serial.is_open:
            raise PortError(f"{self.path} is closed; open it again to use it", reason="PORT_CLOSED")

    def _lost(self, error: OSError | termios.error | None) -> PortError:
        self.close()
        detail = f": {error}" if error else ""
        return PortError(
            f"{self.path} was lost{detail}; is the adaptor plugged in and powered?",
            reason="PORT_LOST",
        )

    def _stuck(self, left: int, total: int) -> PortError:
        self.close()
        return PortError(
            f"{self.path} took {total - left} of {total} bytes in"
            f" {self._write_timeout_ns / 1e6:.0f} ms; unplug the adaptor and plug it in again",
            reason="PORT_STUCK",
        )


def _wait_for(descriptor: int, event: int, timeout_s: float) -> bool:
    """Wait for POLLIN or POLLOUT. select() counts in microseconds and poll() in milliseconds, but
    only poll() takes descriptors of any number."""
    if descriptor >= _SELECT_MAX:
        poll = select.poll()
        poll.register(descriptor, event)
        return bool(poll.poll(math.ceil(1000 * timeout_s)))
    ends = ((descriptor,), ()) if event == select.POLLIN else ((), (descriptor,))
    return any(select.select(*ends, (), timeout_s))


def _open(path: str, baud_rate: int) -> serial.Serial:
    try:
        return serial.Serial(path, baud_rate, timeout=0, write_timeout=0, exclusive=True)
    except serial.SerialException as error:
        raise _open_error(path, baud_rate, error) from error
    except (OSError, ValueError, OverflowError, termios.error) as error:
        raise PortError(
            f"{path} cannot be used at {baud_rate} baud: {error}", reason="PORT_UNUSABLE"
        ) from error


def _open_error(path: str, baud_rate: int, error: serial.SerialException) -> PortError:
    reason = _REASONS.get(error.errno or 0, "PORT_UNUSABLE")
    text = {
        "PORT_MISSING": f"{path} does not exist; plug the adaptor in, or name another port",
        "PORT_PERMISSION": f"no permission to open {path}; add yourself to the group that owns"
        " it (dialout: `sudo usermod -aG dialout $USER`) and log in again",
        "PORT_BUSY": f"{path} is used by another process{_holder(path)}; end that one first",
        "PORT_UNUSABLE": f"{path} cannot be used at {baud_rate} baud: {error}",
    }[reason]
    return PortError(text, reason=reason)


def _holder(path: str) -> str:
    """Who has locked the port or has it open, as " (pid 123): screen"; "" where nobody says."""
    try:
        status = Path(path).stat()
        locks = _LOCKS.read_text().splitlines()
    except OSError:
        return ""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    fields = [line.split() for line in locks]
    pids = [int(field[4]) for field in fields if len(field) > 5 and field[5] == device]
    users = [user_of(pid) for pid in pids[:1] if pid > 0] or port_users(path, without=())
    return f" (pid {users[0].pid}): {users[0].name}" if users else ""
