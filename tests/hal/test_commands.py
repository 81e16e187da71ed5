import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.commands import check_command
from hal.errors import CommandError
from hal.robots.dclaw import DCLAW
from hal.types import JointCommand

angles = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=9, max_size=9)


@given(angles)
def test_only_finite_targets_inside_the_range_pass(values: list[float]):
    position = np.array(values)
    inside = (position >= DCLAW.position_min_rad) & (position <= DCLAW.position_max_rad)
    if inside.all():
        check_command(DCLAW, JointCommand(position))
        return
    if (np.abs(position) <= DCLAW.position_max_rad + 1e-9).all():
        return  # rounding at the edge may pass
    with pytest.raises(CommandError):
        check_command(DCLAW, JointCommand(position))


def test_limits_themselves_pass():
    check_command(DCLAW, JointCommand(DCLAW.position_min_rad.copy()))
    check_command(DCLAW, JointCommand(DCLAW.position_max_rad.copy()))
    for beyond in (DCLAW.position_min_rad - 1e-5, DCLAW.position_max_rad + 1e-5):
        with pytest.raises(CommandError, match="limit"):
            check_command(DCLAW, JointCommand(beyond))


def test_message_names_joint_value_and_limit():
    position = np.zeros(9)
    position[3] = 2.31
    with pytest.raises(
        CommandError, match=r"joint 'MFJ20' commanded 2\.31 rad, limit \[-0\.48, 0\.48\] rad"
    ):
        check_command(DCLAW, JointCommand(position))


def test_message_names_the_joint_that_is_not_finite():
    position = np.zeros(9)
    position[8] = np.nan
    with pytest.raises(CommandError, match="'THJ32' is nan"):
        check_command(DCLAW, JointCommand(position))


@pytest.mark.parametrize("joint", range(9))
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_target_just_outside_the_limit_is_refused(joint: int, side: float):
    position = np.zeros(9)
    position[joint] = side * (DCLAW.position_max_rad[joint] + 1e-6)
    with pytest.raises(CommandError) as caught:
        check_command(DCLAW, JointCommand(position))
    assert caught.value.reason == "COMMAND_OUT_OF_RANGE"
