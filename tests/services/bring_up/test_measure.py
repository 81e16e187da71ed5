"""Where servos stand, and when that is no measurement."""

import pytest

from hal.dynamixel.bus import ServoBus
from services.bring_up.measure import (
    MeasurementError,
    Standing,
    measure_positions,
    require_limp,
    require_rest,
)
from sim.servo_bus.client import RunningBus


def test_positions_are_those_of_the_joints(running: RunningBus, bus: ServoBus):
    standing = measure_positions(bus, (10, 11))
    for servo_id in (10, 11):
        truth = running.table(servo_id)["present_position"]
        assert standing[servo_id].ticks == pytest.approx(truth, abs=3)
    require_rest(standing)


def test_who_does_not_answer_is_named(bus: ServoBus, fault):
    fault("mute", id=11)
    for measure in (measure_positions, require_limp):
        with pytest.raises(MeasurementError, match=r"\[11\]") as refused:
            measure(bus, (10, 11))
        assert refused.value.reason == "SERVO_SILENT"


def test_a_robot_that_holds_itself_is_not_posed(bus: ServoBus, register):
    require_limp(bus, (10, 11))
    register(11, "torque_enable", 1)
    with pytest.raises(MeasurementError, match=r"servos \[11\].*--torque-off") as refused:
        require_limp(bus, (10, 11))
    assert refused.value.reason == "TORQUE_ON"


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        (Standing(2000, 9), "NOT_AT_REST"),
        (Standing(-3, 0), "POSITION_OUTSIDE_TURN"),
        (Standing(4100, 0), "POSITION_OUTSIDE_TURN"),
    ],
)
def test_what_no_calibration_can_be_made_of_is_refused(standing: Standing, reason: str):
    with pytest.raises(MeasurementError, match="11") as refused:
        require_rest({10: Standing(100, 4), 11: standing})
    assert refused.value.reason == reason
