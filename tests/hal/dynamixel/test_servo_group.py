"""Several servos at once: patience with a line that stands still, and its end."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.packet import Packet
from hal.dynamixel.port import SerialPort
from hal.dynamixel.servo import Servo
from hal.dynamixel.servo_group import ServoGroup
from hal.errors import RobotReadError
from tests.hal.dynamixel.scripted_line import Answer, ScriptedLine, obedient

TABLE = control_table_of(1020)
JOINTS = default_calibration("dclaw").joints[:3]
MEMORY = {joint.servo_id: bytes(range(147)) for joint in JOINTS}


class Line:
    """A line whose servos miss some requests, or answer the first only after a while."""

    def __init__(self, misses: int = 0, stall_s: float = 0.0) -> None:
        self.misses = misses
        self.stall_s = stall_s
        self.answer = obedient(MEMORY)

    def __call__(self, packet: Packet) -> Iterable[bytes | float]:
        stall_s, self.stall_s = self.stall_s, 0.0
        if stall_s:
            yield stall_s
        if self.misses:
            self.misses -= 1
            return
        yield from self.answer(packet)


@pytest.fixture
def group_on() -> Iterator[Callable[..., ServoGroup]]:
    lines: list[ScriptedLine] = []

    def make(answer: Answer, **options: bool) -> ServoGroup:
        lines.append(ScriptedLine(answer))
        bus = ServoBus(SerialPort(lines[-1].path), turnaround_s=0.004)
        return ServoGroup(bus, [Servo(joint, TABLE, 45) for joint in JOINTS], **options)

    yield make
    for line in lines:
        line.close()


def test_servos_that_miss_some_reads_are_asked_again(group_on):
    group = group_on(Line(misses=5))
    assert group.read_block(64, 2) == dict.fromkeys(group.ids, b"\x40\x41")


def test_a_line_that_stands_still_for_a_tenth_of_a_second_is_no_mute_servo(group_on):
    group = group_on(Line(stall_s=0.1))
    assert group.read_block(64, 2) == dict.fromkeys(group.ids, b"\x40\x41")
    assert group.read_block(70, 1) == dict.fromkeys(group.ids, b"\x46"), "no late answer is taken"


def test_a_mute_servo_is_named(group_on):
    mute = JOINTS[1]
    memory = {i: data for i, data in MEMORY.items() if i != mute.servo_id}
    group = group_on(obedient(memory))
    with pytest.raises(RobotReadError, match=rf"no answer from {mute.name} .* to 8 reads") as error:
        group.read_block(64, 2)
    assert error.value.reason == "SERVO_SILENT"


def test_in_motion_silence_is_told_after_three_reads(group_on):
    group = group_on(Line(misses=5), in_motion=True)
    with pytest.raises(RobotReadError, match="to 3 reads"):
        group.read_block(64, 2)
