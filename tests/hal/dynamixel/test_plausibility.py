import numpy as np
import pytest

from hal.description import ServoJoint
from hal.dynamixel.angles import ServoAngles
from hal.dynamixel.plausibility import JUMPS_MAX, PlausibleMotion
from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.state_block import BLOCK

JOINT = ServoJoint("joint", 1, -1.0, np.pi, -2.0, 2.0)
VALVE = ServoJoint("valve", 2, 1.0, -np.pi, -np.pi, np.pi)
PERIOD_NS = 20_000_000


class Line:
    """Two servos: a reversed joint and an object that turns round and round."""

    def __init__(self) -> None:
        self.readings = ServoReadings(2)
        self.motion = PlausibleMotion(
            ServoAngles([JOINT, VALVE]), np.array([2.0, 20.0]), [False, True]
        )
        self.now_ns = 1_000_000_000

    def look(
        self, joint: int | None, valve: int, speed: int = 0, *, looked_later_ms: int = 0
    ) -> None:
        self.readings.begin()
        self.now_ns += PERIOD_NS
        for index, ticks in enumerate((joint, valve)):
            if ticks is None:
                continue
            row = np.zeros(1, dtype=BLOCK)
            row["status_return_level"] = 2
            row["realtime_tick"] = (self.now_ns // 1_000_000 + looked_later_ms) % 32768
            row["present_position"] = ticks
            row["present_velocity"] = speed
            self.readings.take(index, row.tobytes(), self.now_ns, BLOCK)
        self.readings.end()
        self.motion.update(self.readings)


def test_first_positions_are_taken_and_direction_counts():
    line = Line()
    line.look(2048 + 100, 2048)
    assert line.motion.valid.all()
    assert line.motion.position_rad == pytest.approx([-100 * 2 * np.pi / 4096, 0.0])


def test_glitch_is_held_off_and_counted():
    line = Line()
    line.look(2048, 2048)
    line.look(-1, 2048)
    assert line.motion.valid.tolist() == [False, True]
    assert line.motion.position_rad[0] == pytest.approx(0.0)
    line.look(2050, 2048)
    assert line.motion.valid.all()
    assert line.motion.jumps[0] == 0
    assert line.motion.rejected == 1


def test_jump_that_stays_is_counted_until_it_is_accepted_on_purpose():
    line = Line()
    line.look(2048, 2048)
    for _ in range(JUMPS_MAX):
        line.look(3500, 2048)
    assert line.motion.jumps[0] == JUMPS_MAX
    line.motion.accept_anything(0)
    line.look(3500, 2048)
    assert line.motion.valid.all()


def test_possible_speed_passes():
    line = Line()
    ticks = 2048
    for _ in range(20):
        ticks += 60  # 4.6 rad/s
        line.look(ticks, 2048)
        assert line.motion.valid.all()


def test_joint_missed_for_a_while_may_have_moved_on():
    line = Line()
    line.look(2048, 2048)
    for _ in range(5):
        line.look(None, 2048)
        assert line.motion.valid.tolist() == [False, True]
    line.look(2048 + 350, 2048)
    assert line.motion.valid.all()


def test_object_is_counted_over_the_seam_and_rewound():
    line, valve = Line(), 0
    for valve in range(2048, 3 * 4096, 200):
        line.look(2048, valve % 4096)
        assert line.motion.valid.all()
    turned = line.motion.position_rad[1]
    assert turned > 2 * np.pi
    line.motion.rewind(1, 0.1)
    assert abs(line.motion.position_rad[1] - 0.1) <= np.pi
    assert np.cos(line.motion.position_rad[1]) == pytest.approx(np.cos(turned))
    before = line.motion.position_rad[1]
    line.look(2048, (valve + 10) % 4096)
    assert line.motion.position_rad[1] == pytest.approx(before + 10 * 2 * np.pi / 4096)


def test_impossible_speed_is_replaced_by_the_distance_covered():
    line = Line()
    line.look(2048, 2048)
    line.look(2048 - 13, 2048, speed=5000)
    assert line.motion.valid.all()
    assert line.motion.velocity_rad_s[0] == pytest.approx(13 * 2 * np.pi / 4096 / 0.022, rel=1e-3)
    assert line.motion.spikes >= 1
    line.look(2048 - 26, 2048, speed=-20)
    assert line.motion.velocity_rad_s[0] == pytest.approx(20 * 0.229 * 2 * np.pi / 60)


def test_a_servo_that_looked_later_than_it_was_asked_may_have_moved_further():
    line = Line()
    line.look(2048, 2048)
    line.look(2048 + 300, 2048)  # 0.46 rad in 20 ms
    assert line.motion.valid.tolist() == [False, True]
    line = Line()
    line.look(2048, 2048)
    line.look(2048 + 300, 2048, looked_later_ms=80)
    assert line.motion.valid.all()


def test_a_servo_whose_clock_runs_backwards_gains_no_time():
    line = Line()
    line.look(2048, 2048)
    line.look(2048 + 300, 2048, looked_later_ms=-500)
    assert line.motion.valid.tolist() == [False, True]


@pytest.mark.parametrize(
    ("speed", "pushed"),
    [
        (-400, 3),  # counts of the servo, which counts the other way round than the joint
        (400, 0),  # moves back, it says
        (0, 0),
        (-80, 0),  # no faster than it is commanded
    ],
)
def test_a_push_is_told_from_a_wrong_encoder_by_the_speed_that_comes_with_it(speed, pushed):
    line = Line()
    line.look(2048, 2048)
    for step in (1, 2, 3):
        line.look(2048 - 200 * step, 2048, speed)
    assert line.motion.jumps[0] == JUMPS_MAX
    assert line.motion.pushes[0] == pushed
    line.motion.accept_anything(0)
    assert line.motion.pushes[0] == 0
