"""The port of the virtual bus: a pseudo-terminal that can be pulled out and plugged in again.

The slave side stays open here too, so that a host may come and go: without it the master would
report a hang-up as soon as the host closed.
"""

import contextlib
import fcntl
import os
import pty
import struct
import termios
import tty
from pathlib import Path

from sim.servo_bus.settings import VirtualBusSettingsError

_TCGETS2 = 0x802C542A
_TERMIOS2 = struct.Struct("<4IB19s2I")
_READ_BYTES = 65_536
_TERMINALS = "/dev/pts/"


class PtyPort:
    """One pseudo-terminal; unplugged, it has none.

    Args:
        link: symbolic link kept pointing at the terminal; "" for none. One that a killed bus has
            left is replaced.

    Raises:
        VirtualBusSettingsError: `link` exists and is no link to a terminal, or cannot be made.
    """

    def __init__(self, link: str = "") -> None:
        self._link = Path(link) if link else None
        self._master = -1
        self._slave = -1
        self._drains = True
        self.path = ""
        self.lost_bytes = 0
        self.replug()

    @property
    def is_plugged(self) -> bool:
        """Whether there is a terminal."""
        return self._master >= 0

    @property
    def drains(self) -> bool:
        """Whether bytes of the host leave its side; if not, the host's writes block."""
        return self._drains

    def fileno(self) -> int:
        """Descriptor to wait on, -1 while unplugged."""
        return self._master

    def baud(self) -> int:
        """Line rate that the host has set, bit/s."""
        settings = bytearray(_TERMIOS2.size)
        fcntl.ioctl(self._master, _TCGETS2, settings)
        return _TERMIOS2.unpack(settings)[-1]

    def read(self) -> bytes:
        """What the host has written so far; b"" for nothing."""
        if not self.is_plugged:
            return b""
        try:
            return os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Hand bytes to the host; those that its full buffer refuses are lost and counted."""
        written = 0
        if self.is_plugged:
            with contextlib.suppress(BlockingIOError):
                written = os.write(self._master, data)
        self.lost_bytes += len(data) - written

    def set_draining(self, drains: bool) -> None:
        """Take the host's bytes, or let its writes block as a wedged adapter does."""
        self._drains = drains
        if self.is_plugged:
            termios.tcflow(self._slave, termios.TCOON if drains else termios.TCOOFF)

    def unplug(self) -> None:
        """Pull the cable: whoever has the terminal open gets an end-of-file or EIO."""
        if not self.is_plugged:
            return
        self._remove_link()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        self.path = ""

    def replug(self) -> None:
        """Plug in again: another terminal, under the same link.

        Raises:
            VirtualBusSettingsError: the link cannot be made.
        """
        if self.is_plugged:
            return
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._drains = True
        self.path = os.ttyname(self._slave)
        try:
            self._make_link()
        except OSError as error:
            self.unplug()
            raise VirtualBusSettingsError(f"cannot link {self._link}: {error.strerror}") from error

    def _make_link(self) -> None:
        if self._link is None:
            return
        if self._link.is_symlink():
            leads_to = str(self._link.readlink())
            if not leads_to.startswith(_TERMINALS):
                raise VirtualBusSettingsError(
                    f"port link {self._link} leads to {leads_to}, which is none of a virtual bus; "
                    "expected a free name"
                )
        elif self._link.exists():
            raise VirtualBusSettingsError(f"port link {self._link} is a file; expected a free name")
        draft = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        draft.symlink_to(self.path)
        draft.replace(self._link)

    def _remove_link(self) -> None:
        """Remove our link, not one that somebody else has put in its place."""
        if self._link is None:
            return
        with contextlib.suppress(OSError):
            if str(self._link.readlink()) == self.path:
                self._link.unlink()
