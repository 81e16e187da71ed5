import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hal.types import RobotState
from mbctl.config import StopConfig
from services.controller.control.lifecycle_machine import StopSequence

SECOND = 1_000_000_000


def state_at(position: np.ndarray) -> RobotState:
    zeros = np.zeros(9)
    return RobotState(0, 0, position, zeros, zeros, zeros, zeros[:1], zeros[:1], zeros == 0)


def stop() -> StopSequence:
    return StopSequence(
        "TEST",
        np.full(9, 0.5),
        3 * SECOND,
        StopConfig(hold_s=0.2, ramp_s=0.4),
        np.ones(9, dtype=np.bool_),
    )


def target_at(seconds: float, position: float = 0.1):
    return stop().target(state_at(np.full(9, position)), round((3 + seconds) * SECOND))


def test_holds_then_lets_go_linearly_then_ends():
    for seconds, expected in ((0.0, 0.5), (0.199, 0.5), (0.4, 0.3), (0.599, 0.101)):
        target = target_at(seconds)
        assert target is not None
        np.testing.assert_allclose(target, expected, atol=1e-9)
    assert target_at(0.6) is None
    assert target_at(60) is None


@given(st.floats(0, 0.599), st.floats(-1.5, 1.5))
def test_target_never_leaves_the_way_from_position_to_held(seconds: float, position: float):
    target = target_at(seconds, position)
    assert target is not None
    low, high = sorted((position, 0.5))
    assert (target >= low - 1e-12).all()
    assert (target <= high + 1e-12).all()
