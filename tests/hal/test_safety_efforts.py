"""The gate on torques and forces: what passes, what is cut, what is taken off."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hal.faults import FaultCause
from hal.safety import GateMemory, GateVerdict, SafetyGate
from hal.types import ActuatorKind, JointCommand, JointSpec, RobotState, Vector
from tests.conformance.driven_pendulum import (
    CART_N,
    SPEC,
    SWING_MAX_RAD,
    SWING_MAX_RAD_S,
    SWING_NM,
    SWING_NM_S,
)

PERIOD_S = 0.01
STEP_NM = SWING_NM_S * PERIOD_S
CART, SWING, WRIST = range(3)


def state(
    position: tuple[float, ...] = (0.0, 0.0, 0.0),
    velocity: tuple[float, ...] = (0.0, 0.0, 0.0),
    valid: tuple[bool, ...] = (True, True, True),
    **changes,
) -> RobotState:
    fields: dict = {
        "stamp_ns": 0,
        "sequence": 1,
        "joint_position_rad": np.array(position),
        "joint_velocity_rad_s": np.array(velocity),
        "joint_current_ma": np.full(3, np.nan),
        "joint_temperature_c": np.full(3, np.nan),
        "object_position_rad": np.zeros(0),
        "object_velocity_rad_s": np.zeros(0),
        "valid": np.array(valid),
    }
    return RobotState(**(fields | changes))


@pytest.fixture
def gate() -> SafetyGate:
    return SafetyGate(SPEC, PERIOD_S)


def sent(verdict: GateVerdict) -> Vector:
    assert verdict.command is not None, verdict.message
    assert verdict.command.kinds == SPEC.kinds
    return verdict.command.target


def ask(gate: SafetyGate, cart: float, swing: float, seen: RobotState | None = None) -> GateVerdict:
    return gate.check(seen or state(), SPEC.command(np.array([cart, swing, 0.0])), now_ns=0)


def test_efforts_in_range_pass_untouched(gate: SafetyGate):
    verdict = ask(gate, -CART_N, STEP_NM)
    assert sent(verdict).tolist() == [-CART_N, STEP_NM, 0.0]
    assert (verdict.clipped, verdict.causes) == (False, ())


def test_an_effort_beyond_its_range_is_cut(gate: SafetyGate):
    verdict = ask(gate, 100.0, 0.0)
    assert sent(verdict).tolist() == [CART_N, 0.0, 0.0]
    assert verdict.causes == ("EFFORT_LIMIT",)


def test_an_effort_grows_no_faster_than_its_rate(gate: SafetyGate):
    grown = [sent(ask(gate, 0.0, SWING_NM))[SWING] for _ in range(6)]
    np.testing.assert_allclose(grown, [0.5, 1.0, 1.5, 2.0, 2.0, 2.0])
    assert ask(gate, 0.0, -SWING_NM).causes == ("EFFORT_RATE_LIMIT",)


def test_an_effort_sinks_to_nothing_at_once_and_no_further(gate: SafetyGate):
    for _ in range(4):
        ask(gate, 0.0, SWING_NM)
    assert sent(ask(gate, 0.0, -SWING_NM))[SWING] == 0.0
    assert sent(ask(gate, 0.0, -SWING_NM))[SWING] == -STEP_NM
    assert sent(ask(gate, 0.0, 0.0))[SWING] == 0.0


def test_after_a_reset_of_the_gate_the_rate_counts_from_nothing(gate: SafetyGate):
    for _ in range(4):
        ask(gate, 0.0, SWING_NM)
    gate.reset()
    assert sent(ask(gate, 0.0, SWING_NM))[SWING] == STEP_NM


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_no_effort_drives_a_joint_on_out_of_its_range(gate: SafetyGate, side: float):
    out = state((0.0, side * (SWING_MAX_RAD + 0.1), 0.0))
    verdict = ask(gate, 0.0, side * STEP_NM, out)
    assert sent(verdict)[SWING] == 0.0
    assert verdict.causes == ("POSITION_LIMIT",)
    assert sent(ask(gate, 0.0, -side * STEP_NM, out))[SWING] == -side * STEP_NM


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_no_effort_drives_a_joint_on_that_is_too_fast(gate: SafetyGate, side: float):
    fast = state(velocity=(0.0, side * (SWING_MAX_RAD_S + 0.1), 0.0))
    verdict = ask(gate, 0.0, side * STEP_NM, fast)
    assert sent(verdict)[SWING] == 0.0
    assert verdict.causes == ("VELOCITY_LIMIT",)
    assert sent(ask(gate, 0.0, -side * STEP_NM, fast))[SWING] == -side * STEP_NM


def test_an_unreadable_joint_gets_no_effort_and_the_others_theirs(gate: SafetyGate):
    ask(gate, 1.0, STEP_NM)
    blind = state(valid=(True, False, True))
    verdict = ask(gate, 1.0, STEP_NM, blind)
    assert sent(verdict).tolist() == [1.0, 0.0, 0.0]
    assert verdict.causes == ("UNREADABLE_JOINT_RELEASED",)
    for _ in range(2):
        ask(gate, 1.0, STEP_NM, blind)
    assert ask(gate, 1.0, STEP_NM, blind).fault is FaultCause.STATE_INVALID


def test_a_speed_that_is_no_number_releases_the_joint(gate: SafetyGate):
    verdict = ask(gate, 1.0, STEP_NM, state(velocity=(0.0, np.nan, 0.0)))
    assert sent(verdict).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_a_fault_in_its_unit(gate: SafetyGate, value: float):
    verdict = ask(gate, 0.0, value)
    assert verdict.fault is FaultCause.COMMAND_NOT_FINITE
    assert verdict.command is None
    assert "'swing'" in verdict.message
    assert "finite torque" in verdict.message
    assert "N m" in verdict.message


@pytest.mark.parametrize(
    "kinds",
    [(), (ActuatorKind.TORQUE,) * 3, SPEC.kinds[:2]],
    ids=["positions", "torques", "too few"],
)
def test_a_command_of_another_kind_is_a_fault(gate: SafetyGate, kinds):
    verdict = gate.check(state(), JointCommand(np.zeros(3), kinds), now_ns=0)
    assert verdict.fault is FaultCause.COMMAND_KIND
    assert verdict.command is None


def test_a_warm_joint_gets_less(gate: SafetyGate):
    joints = tuple(replace(j, current_max_ma=1000.0) for j in SPEC.joints)
    warm = SafetyGate(replace(SPEC, joints=joints), PERIOD_S)
    seen = state(joint_current_ma=np.array([900.0, 0.0, 0.0]))
    verdict = ask(warm, CART_N, 0.0, seen)
    assert sent(verdict)[CART] == pytest.approx(CART_N / 2)
    assert verdict.causes == ("CURRENT_DERATED",)


def test_the_joint_driven_by_position_is_bounded_as_ever(gate: SafetyGate):
    verdict = gate.check(state(), SPEC.command(np.array([0.0, 0.0, 1.0])), now_ns=0)
    assert sent(verdict).tolist() == [0.0, 0.0, 2.0 * PERIOD_S]
    assert verdict.causes == ("VELOCITY_LIMIT",)


NUMBERS = st.floats(-1e6, 1e6)


@given(
    requested=arrays(np.float64, 3, elements=NUMBERS),
    position=arrays(np.float64, 3, elements=NUMBERS),
    velocity=arrays(np.float64, 3, elements=NUMBERS),
    before=arrays(np.float64, 3, elements=st.floats(-1.0, 1.0)),
)
def test_whatever_is_asked_efforts_stay_in_their_bounds(requested, position, velocity, before):
    gate = SafetyGate(SPEC, PERIOD_S)
    memory = replace(GateMemory.empty(3), command=before)
    seen = state(joint_position_rad=position, joint_velocity_rad_s=velocity)
    verdict, after = gate.judge(memory, seen, SPEC.command(requested), 0)
    target = sent(verdict)
    assert ((target >= SPEC.command_min) & (target <= SPEC.command_max)).all()
    assert abs(target[SWING]) <= max(abs(before[SWING]) + STEP_NM, 0.0) + 1e-12
    if abs(velocity[SWING]) > SWING_MAX_RAD_S:
        assert target[SWING] * velocity[SWING] <= 0.0
    assert after.velocity_rad_s[:WRIST].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("efforts", "says"),
    [
        ({"effort_min": -1.0, "effort_max": 1.0}, "driven by position and has a range of efforts"),
        ({"kind": ActuatorKind.TORQUE}, r"effort range \[0.0, 0.0\] N m"),
        ({"kind": ActuatorKind.FORCE, "effort_min": 1.0, "effort_max": 2.0}, "that holds 0"),
        ({"kind": ActuatorKind.FORCE, "effort_min": -np.inf, "effort_max": 2.0}, "a finite one"),
        (
            {
                "kind": ActuatorKind.TORQUE,
                "effort_min": -1.0,
                "effort_max": 1.0,
                "effort_rate_max": 0,
            },
            "effort_rate_max 0",
        ),
    ],
)
def test_an_actuator_that_cannot_be_is_refused(efforts: dict, says: str):
    with pytest.raises(ValueError, match=says):
        JointSpec("hinge", -1.0, 1.0, 1.0, **efforts)
