from math import inf, pi

import numpy as np
import pytest

from hal.errors import UnknownRobotError
from hal.robots.dclaw import DCLAW
from hal.robots.registry import ROBOT_NAMES, robot_spec


def test_dclaw_is_that_of_the_benchmark():
    assert DCLAW.joint_names == (
        "FFJ10", "FFJ11", "FFJ12", "MFJ20", "MFJ21", "MFJ22", "THJ30", "THJ31", "THJ32",
    )  # fmt: skip
    assert DCLAW.objects == ("valve",)
    np.testing.assert_allclose(DCLAW.position_max_rad, [0.48, pi / 3, pi / 2] * 3)
    np.testing.assert_allclose(DCLAW.position_min_rad, [-0.48, -pi / 3, -pi / 2] * 3)
    np.testing.assert_allclose(DCLAW.velocity_max_rad_s, 2 * pi / 3)
    assert DCLAW.home_position_rad == (0.0, -pi / 3, pi / 3) * 3
    assert all(j.acceleration_max_rad_s2 == inf for j in DCLAW.joints)


def test_home_is_in_range():
    home = np.array(DCLAW.home_position_rad)
    assert ((home >= DCLAW.position_min_rad) & (home <= DCLAW.position_max_rad)).all()


def test_registry():
    assert "dclaw" in ROBOT_NAMES
    assert robot_spec("dclaw") is DCLAW
    with pytest.raises(UnknownRobotError, match=r"'hexapod'; known models: .*dclaw"):
        robot_spec("hexapod")
