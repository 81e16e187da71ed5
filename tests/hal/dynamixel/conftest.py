"""A bus whose other end a test scripts."""

import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.port import SerialPort
from tests.hal.dynamixel.scripted_line import Answer, ScriptedLine


class ScriptedBus:
    """A `ServoBus` on a `ScriptedLine`."""

    def __init__(self, answer: Answer) -> None:
        self.line = ScriptedLine(answer)
        self.bus = ServoBus(SerialPort(self.line.path), turnaround_s=0.2)


@pytest.fixture
def scripted():
    """Make scripted buses; all are closed at the end."""
    made = []

    def make(answer: Answer = lambda _: ()) -> ScriptedBus:
        made.append(ScriptedBus(answer))
        return made[-1]

    yield make
    for each in made:
        each.bus.close()
        each.line.close()
