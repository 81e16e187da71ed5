import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hal.limits import action_to_target, bound_target, target_to_action
from hal.robots.dclaw import DCLAW

LOW, HIGH = DCLAW.position_min_rad, DCLAW.position_max_rad
STEP = DCLAW.velocity_max_rad_s * 0.1


def vectors(limit: float) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, 9, elements=st.floats(-limit, limit))


@given(vectors(1.0))
def test_actions_and_targets_are_inverse(action: np.ndarray):
    target = action_to_target(action, LOW, HIGH)
    np.testing.assert_allclose(target_to_action(target, LOW, HIGH), action, atol=1e-12)


@given(vectors(1e6))
def test_targets_of_any_action_are_in_range(action: np.ndarray):
    target = action_to_target(action, LOW, HIGH)
    assert (target >= LOW - 1e-12).all()
    assert (target <= HIGH + 1e-12).all()


@given(vectors(1e6), vectors(10.0))
def test_bounded_targets_are_in_range_and_near_or_leading_back(
    target: np.ndarray, position: np.ndarray
):
    bounded = bound_target(target, position, LOW, HIGH, STEP)
    assert (bounded >= LOW).all()
    assert (bounded <= HIGH).all()
    inside = (position >= LOW) & (position <= HIGH)
    assert (np.abs(bounded - position)[inside] <= STEP[inside] + 1e-12).all()


@given(vectors(3.0), vectors(2.0))
def test_torch_and_numpy_agree(target: np.ndarray, position: np.ndarray):
    ours = bound_target(target, position, LOW, HIGH, STEP)
    theirs = bound_target(*(torch.from_numpy(x) for x in (target, position, LOW, HIGH, STEP)))
    np.testing.assert_array_equal(theirs.numpy(), ours)


def test_step_of_the_benchmark():
    bounded = bound_target(HIGH, np.zeros(9), LOW, HIGH, STEP)
    np.testing.assert_allclose(bounded, 0.2 * np.pi / 3)  # 2 pi / 3 rad/s for 0.1 s
