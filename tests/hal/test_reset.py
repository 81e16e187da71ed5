"""The ramp that all resets move by."""

import numpy as np

from hal.reset import ramp_towards


def test_each_joint_moves_by_its_step_at_most_and_never_past_its_goal():
    reference, goal = np.array([0.0, 0.0, 1.0]), np.array([1.0, -0.05, 1.0])
    assert ramp_towards(reference, goal, 0.1).tolist() == [0.1, -0.05, 1.0]
    assert ramp_towards(reference, goal, np.array([0.5, 0.01, 9.0])).tolist() == [0.5, -0.01, 1.0]
    assert reference.tolist() == [0.0, 0.0, 1.0]
