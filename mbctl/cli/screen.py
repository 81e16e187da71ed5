"""Drawing in place on a terminal of any size, also one that is resized while it is drawn on."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mbctl.cli import printer

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.measure import Measurement
    from rich.text import Text

BAR_WIDTHS = (8, 40)
BESIDE_BAR = 50  # columns for a frame, a name and the text behind
_SIZE_UNTOLD = (80, 24)  # a serial console says that it has no columns


class Screen:
    """The lower end of the terminal behind stderr; any thread may draw on it.

    A new picture takes the place of the one before. The cursor waits on a line of its own below, so
    that what a person types, such as ^C, breaks no frame. After a resize, when the terminal itself
    has moved or wrapped what was there, everything that is visible is drawn anew.
    """

    def __init__(self) -> None:
        self._console: Console = printer.console()
        self._lock = threading.Lock()
        self._drawn = 0  # lines
        self._size = (0, 0)

    def draw(self, picture: "RenderableType") -> None:
        """Show `picture`; what is too high for the terminal loses lines above its last one."""
        with self._lock:
            size = _size_of(self._console)
            self._console.size = size
            with self._console.capture() as capture:
                self._console.print(picture)
            lines = _cropped(capture.get().splitlines(), size[1] - 1)
            is_resized = self._drawn > 0 and size != self._size
            start = "\x1b[H\x1b[2J" if is_resized else f"\x1b[{self._drawn}F" * bool(self._drawn)
            body = "".join(f"\r\x1b[2K{line}\n" for line in lines)
            self._console.file.write(f"{start}{body}\x1b[J")
            self._console.file.flush()
            self._drawn, self._size = len(lines), size


@dataclass(frozen=True)
class Bar:
    """How much of something is done, 0 to 1; as wide as the terminal allows.

    It is read by its glyphs, so that it needs no colours.
    """

    done: float

    def __rich_measure__(self, console: "Console", options: "ConsoleOptions") -> "Measurement":
        from rich.measure import Measurement

        width = _bar_width(console)
        return Measurement(width, width)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> Iterator["Text"]:
        from rich.text import Text

        full, empty = ("#", ".") if options.ascii_only else ("━", "·")
        width = _bar_width(console)
        filled = int(width * min(max(self.done, 0.0), 1.0))
        yield Text.assemble((full * filled, "green"), (empty * (width - filled), "dim"))


def _bar_width(console: "Console") -> int:
    least, most = BAR_WIDTHS
    return max(least, min(most, console.width - BESIDE_BAR))


def _size_of(console: "Console") -> tuple[int, int]:
    try:
        columns, lines = os.get_terminal_size(console.file.fileno())
    except OSError:  # it was closed: what is drawn is seen by nobody
        return _SIZE_UNTOLD
    return columns or _SIZE_UNTOLD[0], lines or _SIZE_UNTOLD[1]


def _cropped(lines: list[str], height: int) -> list[str]:
    return lines if len(lines) <= height else [*lines[: max(height - 1, 0)], lines[-1]]
