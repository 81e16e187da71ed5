"""One exit code for several robots: that of the one that is worst off."""

import pytest

from services.estop.result import StopResult, answered, worst

STOPPED = answered("left", "a:1", "E_STOPPED", 1.0, ())
TORQUE = answered("left", "a:1", "E_STOPPED", 1.0, ("FFJ10", "FFJ11"))
GONE = StopResult("", "a:1", code="UNAVAILABLE", reason="UNREACHABLE", message="no answer")
WRONG = StopResult("", "a:1", code="UNIMPLEMENTED", reason="WRONG_DAEMON", message="a trainer")
ACTIVE = answered("left", "a:1", "ACTIVE", 1.0, ())


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([STOPPED], 0),
        ([STOPPED, STOPPED], 0),
        ([TORQUE], 4),
        ([ACTIVE], 4),
        ([GONE], 5),
        ([WRONG], 2),
        ([STOPPED, GONE], 5),
        ([GONE, TORQUE, STOPPED], 4),
        ([WRONG, GONE], 5),
    ],
)
def test_the_worst_counts(results: list[StopResult], code: int):
    assert worst(results) == code


def test_joints_without_confirmation_are_named():
    assert "FFJ10, FFJ11: cut the power" in TORQUE.message


def test_a_state_that_was_not_reached_is_none():
    assert "says ACTIVE, not E_STOPPED" in ACTIVE.message
