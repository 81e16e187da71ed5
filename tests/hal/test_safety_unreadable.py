"""Joints that cannot be read: held for a while, then a fault by their names."""

from dataclasses import replace

import numpy as np
import pytest

from hal.faults import FaultCause
from hal.robots.dclaw import DCLAW
from hal.safety import SafetyGate
from hal.types import JointCommand, RobotState
from tests.hal.states import make_state

PERIOD_S = 0.1
SMOOTH = replace(DCLAW, joints=tuple(replace(j, acceleration_max_rad_s2=5.0) for j in DCLAW.joints))


def command(value: float | np.ndarray = 0.0) -> JointCommand:
    return JointCommand(np.zeros(9) + value)


def with_joint(index: int, value: float, rest: float = 0.0) -> np.ndarray:
    vector = np.full(9, rest)
    vector[index] = value
    return vector


@pytest.fixture
def gate() -> SafetyGate:
    return SafetyGate(DCLAW, PERIOD_S)


def unreadable(index: int = 3) -> RobotState:
    return make_state(np.full(9, 0.1), valid=np.arange(9) != index)


def test_unreadable_joint_is_held_and_then_a_fault(gate: SafetyGate):
    gate.check(make_state(np.full(9, 0.1)), command(0.15), now_ns=0)
    for _ in range(3):
        verdict = gate.check(unreadable(), command(0.2), now_ns=0)
        assert verdict.command is not None
        assert verdict.command.target[3] == 0.15
        assert verdict.command.target[0] == 0.2
        assert verdict.causes == ("UNREADABLE_JOINT_HELD",)
    verdict = gate.check(unreadable(), command(0.2), now_ns=0)
    assert verdict.fault is FaultCause.STATE_INVALID
    assert "'MFJ20' unreadable for 4 cycles in a row, limit 3" in verdict.message


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        (range(9), "all 9 joints unreadable"),
        ((4, 7), "joints 'MFJ21', 'THJ31' unreadable"),
        ((4,), "joint 'MFJ21' unreadable"),
    ],
)
def test_every_unreadable_joint_is_named_and_no_other(gate: SafetyGate, lost, named):
    state = make_state(np.full(9, 0.1), valid=~np.isin(np.arange(9), list(lost)))
    verdict = gate.check(state, command(0.1), now_ns=0)
    assert verdict.fault is FaultCause.STATE_INVALID
    assert named in verdict.message
    assert ("FFJ10" in verdict.message) == ("'FFJ10'" in named)


def test_a_good_read_starts_the_count_anew(gate: SafetyGate):
    for _ in range(4):
        gate.check(make_state(), command(), now_ns=0)
        for _ in range(3):
            assert gate.check(unreadable(), command(), now_ns=0).fault is None


def test_position_that_is_not_finite_counts_as_unreadable(gate: SafetyGate):
    gate.check(make_state(), command(0.05), now_ns=0)
    verdict = gate.check(make_state(with_joint(3, np.nan)), command(0.1), now_ns=0)
    assert verdict.command is not None
    assert verdict.command.target[3] == 0.05


def test_unreadable_joint_counts_as_at_rest_for_the_acceleration_that_follows():
    gate = SafetyGate(SMOOTH, PERIOD_S)
    gate.check(make_state(), command(0.02), now_ns=0)
    gate.check(make_state(with_joint(3, np.nan)), command(0.02), now_ns=0)
    verdict = gate.check(make_state(), command(0.2), now_ns=0)
    assert verdict.command is not None
    assert verdict.command.target[3] == pytest.approx(5.0 * PERIOD_S * PERIOD_S)


def test_unreadable_joint_without_a_command_to_hold_is_a_fault(gate: SafetyGate):
    verdict = gate.check(unreadable(), command(), now_ns=0)
    assert verdict.fault is FaultCause.STATE_INVALID
    assert "no earlier command" in verdict.message
