"""A bar that is read by its glyphs, so that it needs no colours."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.measure import Measurement
    from rich.text import Text

WIDTHS = (8, 40)
BESIDE = 50  # columns for a frame, a name and the text behind


@dataclass(frozen=True)
class Bar:
    """How much of something is done, 0 to 1; as wide as the terminal allows."""

    done: float

    def __rich_measure__(self, console: "Console", options: "ConsoleOptions") -> "Measurement":
        from rich.measure import Measurement

        width = _width(console)
        return Measurement(width, width)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> Iterator["Text"]:
        from rich.text import Text

        full, empty = ("#", ".") if options.ascii_only else ("━", "·")
        width = _width(console)
        filled = int(width * min(max(self.done, 0.0), 1.0))
        yield Text.assemble((full * filled, "green"), (empty * (width - filled), "dim"))


def _width(console: "Console") -> int:
    least, most = WIDTHS
    return max(least, min(most, console.width - BESIDE))
