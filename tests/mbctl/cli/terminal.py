"""A terminal for tests: a real pty, and what a person would see on it."""

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator

_SWITCHES = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(.)", re.DOTALL)

_UNFINISHED = re.compile(r"\x1b(\[[0-9;?]*)?$")


class Terminal:
    """Columns and lines of characters; long lines of a narrowed window wrap, as in most programs.

    Knows the cursor movements that are used here, and fails at any other.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.text = ""  # all that was written
        self._unfinished = ""  # of a control sequence
        self._rows: list[str] = [""]
        self._row = self._column = 0

    @property
    def screen(self) -> list[str]:
        """What is visible, without empty lines at the end."""
        rows = [row.rstrip() for row in self._rows[-self.lines :]]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def resize(self, columns: int, lines: int) -> None:
        """Change the size; rows that are too long now take several."""
        rows: list[str] = []
        for number, row in enumerate(self._rows):
            if number == self._row:
                self._column, new_row = self._column % columns, len(rows)
            rows += [row[i : i + columns] for i in range(0, max(len(row), 1), columns)]
        self._rows, self._row = rows, new_row
        self.columns, self.lines = columns, lines

    def feed(self, text: str) -> None:
        """Take in what a program wrote."""
        self.text += text
        text = self._unfinished + text
        whole = _UNFINISHED.sub("", text)
        self._unfinished = text[len(whole) :]
        for arguments, command, character in _TOKEN.findall(whole):
            if command:
                self._control(arguments, command)
            else:
                self._put(character)

    def _put(self, character: str) -> None:
        if character == "\n":
            self._next_row()
        elif character == "\r":
            self._column = 0
        else:
            if self._column == self.columns:
                self._next_row()
                self._column = 0
            row = self._rows[self._row].ljust(self._column)
            self._rows[self._row] = row[: self._column] + character + row[self._column + 1 :]
            self._column += 1

    def _next_row(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append("")

    def _control(self, arguments: str, command: str) -> None:
        count = int(arguments) if arguments.isdigit() else 0
        first = max(0, len(self._rows) - self.lines)
        if command == "m":
            return
        if command == "F":
            self._row, self._column = max(first, self._row - max(count, 1)), 0
        elif command == "H":
            self._row, self._column = first, 0
        elif command == "K":
            self._rows[self._row] = "" if count == 2 else self._rows[self._row][: self._column]
        elif command == "J" and count == 2:
            self._rows[first:] = [""] * (len(self._rows) - first)
        elif command == "J":
            self._rows[self._row] = self._rows[self._row][: self._column]
            below = len(self._rows) - self._row - 1
            self._rows[self._row + 1 :] = [""] * below
        else:
            raise AssertionError(f"unknown control sequence {arguments!r} {command!r}")


class Program:
    """A program on a pty of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int, terminal: Terminal) -> None:
        self.process = process
        self.terminal = terminal
        self._master = master
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def resize(self, columns: int, lines: int) -> None:
        """As when a person pulls at the window's corner."""
        _set_size(self._master, columns, lines)
        self.terminal.resize(columns, lines)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, text: str, timeout_s: float = 60.0) -> float:
        """Read until `text` is on the screen; returns the seconds that it took."""
        began = time.monotonic()
        while not any(text in row for row in self.terminal.screen):
            left_s = began + timeout_s - time.monotonic()
            assert left_s > 0, f"no {text!r} on:\n" + "\n".join(self.terminal.screen)
            self.read(min(left_s, 0.5))
        return time.monotonic() - began

    def settle(self, timeout_s: float = 10.0) -> None:
        """Read until nothing more comes for a twentieth of a second: between two frames."""
        deadline = time.monotonic() + timeout_s
        while select.select([self._master], [], [], 0.05)[0] and time.monotonic() < deadline:
            if not self.read(0.0):
                return

    def finish(self, timeout_s: float = 60.0) -> int:
        """Read to the end; returns the exit code."""
        deadline = time.monotonic() + timeout_s
        while self.read(0.5):
            assert time.monotonic() < deadline, "\n".join(self.terminal.screen)
        return self.process.wait(10)

    def read(self, wait_s: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], wait_s)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the program has closed its end
            return False
        self.terminal.feed(self._decoder.decode(data))
        return bool(data)


@contextlib.contextmanager
def on_terminal(
    command: list[str], columns: int, lines: int, **environment: str
) -> Iterator[Program]:
    """Run a program whose controlling terminal is a new pty; it is killed at the block's end."""
    master, slave = pty.openpty()
    _set_size(slave, columns, lines)
    plain = {
        "TERM": "xterm-256color",
        "COLUMNS": "",
        "LINES": "",
        "NO_COLOR": "",
        "FORCE_COLOR": "",
    }
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        stdin=slave, stdout=slave, stderr=slave, env=os.environ | plain | environment,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Program(process, master, Terminal(columns, lines))
    finally:
        process.kill()
        process.wait(10)
        os.close(master)


def _set_size(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
