from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hal.faults import FaultCause
from hal.robots.dclaw import DCLAW
from hal.safety import GateLimits, GateMemory, GateVerdict, SafetyGate
from hal.types import JointCommand, RobotSpec, RobotState
from tests.hal.states import make_state

PERIOD_S = 0.1
STEP = DCLAW.velocity_max_rad_s * PERIOD_S
SECOND_NS = 1_000_000_000
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


# --- what passes and what is shaped


def test_good_request_passes_untouched(gate: SafetyGate):
    requested = command(0.1)
    verdict = gate.check(make_state(), requested, now_ns=0)
    assert verdict.command is not None
    np.testing.assert_array_equal(verdict.command.target, requested.target)
    assert (verdict.clipped, verdict.causes, verdict.fault) == (False, (), None)
    assert str(verdict) == ""


def test_velocity_is_bounded_around_the_measurement(gate: SafetyGate):
    verdict = gate.check(make_state(np.full(9, 0.1)), command(0.45), now_ns=0)
    assert verdict.command is not None
    np.testing.assert_allclose(verdict.command.target, 0.1 + STEP)
    assert verdict.clipped
    assert verdict.causes == ("VELOCITY_LIMIT",)


def test_position_range_is_kept(gate: SafetyGate):
    verdict = gate.check(make_state(np.full(9, 0.4)), command(with_joint(0, 0.5, 0.4)), now_ns=0)
    assert verdict.command is not None
    assert verdict.command.target[0] == 0.48
    assert verdict.causes == ("POSITION_LIMIT",)


def test_joint_outside_its_range_is_commanded_into_it(gate: SafetyGate):
    verdict = gate.check(make_state(with_joint(0, 1.2)), command(with_joint(0, 1.2)), now_ns=0)
    assert verdict.command is not None
    assert verdict.command.target[0] == 0.48


def test_acceleration_is_bounded_against_the_last_command():
    gate = SafetyGate(SMOOTH, PERIOD_S)
    first = gate.check(make_state(), command(0.2), now_ns=0)
    assert first.command is not None
    np.testing.assert_allclose(first.command.target, 5.0 * PERIOD_S * PERIOD_S)
    assert first.causes == ("ACCELERATION_LIMIT",)
    second = gate.check(make_state(), command(0.2), now_ns=0)
    assert second.command is not None
    np.testing.assert_allclose(second.command.target, 0.1)
    gate.reset()
    third = gate.check(make_state(), command(0.2), now_ns=0)
    assert third.command is not None
    np.testing.assert_allclose(third.command.target, 0.05)


@pytest.mark.parametrize(
    ("fraction", "share"), [(0.0, 1.0), (0.8, 1.0), (0.9, 0.5), (0.95, 0.25), (1.0, 0.0)]
)
@pytest.mark.parametrize(
    ("measured", "limit", "cause"),
    [
        ("joint_current_ma", -DCLAW.joints[0].current_max_ma, "CURRENT_DERATED"),
        ("joint_temperature_c", DCLAW.joints[0].temperature_max_c, "TEMPERATURE_DERATED"),
    ],
)
def test_load_shrinks_the_step(
    gate: SafetyGate, measured: str, limit: float, cause: str, fraction: float, share: float
):
    state = make_state(**{measured: with_joint(2, fraction * limit, np.nan)})
    verdict = gate.check(state, command(1.0 * STEP), now_ns=0)
    assert verdict.command is not None
    assert verdict.command.target[2] == pytest.approx(share * STEP[2], abs=1e-9)
    np.testing.assert_allclose(np.delete(verdict.command.target, 2), STEP[0])
    assert (cause in verdict.causes) == (share < 1.0)


# --- what is refused


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_request_that_is_not_finite_is_a_fault(gate: SafetyGate, value: float):
    verdict = gate.check(make_state(), command(with_joint(4, value)), now_ns=0)
    assert verdict.command is None
    assert verdict.fault is FaultCause.COMMAND_NOT_FINITE
    assert f"'MFJ21' commanded {value}" in verdict.message
    assert str(verdict) == "COMMAND_NOT_FINITE"


@pytest.mark.parametrize(
    "wrong", [np.zeros(8), np.zeros((1, 9)), np.zeros(9, np.float32), np.array(0.0)]
)
def test_request_of_wrong_shape_is_a_fault(gate: SafetyGate, wrong: np.ndarray):
    verdict = gate.check(make_state(), JointCommand(wrong), now_ns=0)
    assert verdict.fault is FaultCause.COMMAND_SHAPE
    assert verdict.command is None


@pytest.mark.parametrize(
    ("age_ns", "stale"),
    [(0, False), (SECOND_NS // 4, False), (SECOND_NS // 4 + 1, True), (-1, True)],
)
def test_measurement_too_old_or_from_the_future_is_a_fault(
    gate: SafetyGate, age_ns: int, stale: bool
):
    verdict = gate.check(make_state(stamp_ns=SECOND_NS), command(), now_ns=SECOND_NS + age_ns)
    assert (verdict.fault is FaultCause.STATE_STALE) == stale


@pytest.mark.parametrize(
    ("measured", "value", "fault"),
    [
        ("joint_current_ma", 1611.0, FaultCause.CURRENT_LIMIT),
        ("joint_current_ma", -np.inf, FaultCause.CURRENT_LIMIT),
        ("joint_temperature_c", 71.0, FaultCause.TEMPERATURE_LIMIT),
    ],
)
def test_overload_is_a_fault(gate: SafetyGate, measured: str, value: float, fault: FaultCause):
    """A temperature at once: it changes slowly. A current once it has lasted."""
    verdict = gate.check(make_state(**{measured: with_joint(8, value, 30.0)}), command(), now_ns=0)
    if measured == "joint_current_ma":
        assert verdict.fault is None
        load = with_joint(8, value, 30.0)
        verdict = check_at(gate, 1.01, joint_current_ma=load)
    assert verdict.fault is fault
    assert verdict.command is None
    assert "'THJ32'" in verdict.message


def check_at(gate: SafetyGate, seconds: float, **measured: np.ndarray) -> GateVerdict:
    """What the gate says of a measurement at that time."""
    now_ns = round(seconds * SECOND_NS)
    return gate.check(make_state(stamp_ns=now_ns, **measured), command(1.0 * STEP), now_ns=now_ns)


def test_a_current_is_a_fault_when_it_lasts(gate: SafetyGate):
    """Each start of a motor takes all that its supply gives, for some hundredths of a second."""
    for cycle in range(11):  # 1 s
        verdict = check_at(gate, cycle / 10, joint_current_ma=with_joint(8, 2300.0))
        assert verdict.fault is None
    verdict = check_at(gate, 1.1, joint_current_ma=with_joint(8, -2300.0))
    assert verdict.fault is FaultCause.CURRENT_LIMIT
    assert "'THJ32' draws -2300 mA, for 1.1 s more than its limit of 1610 mA" in verdict.message


def test_peaks_with_breaks_are_no_fault(gate: SafetyGate):
    for cycle in range(200):
        drawn = 2300.0 if cycle % 10 else 100.0
        assert check_at(gate, cycle / 10, joint_current_ma=with_joint(8, drawn)).fault is None
    assert check_at(gate, 20.0, joint_current_ma=np.full(9, np.nan)).fault is None


def test_a_peak_hardly_shrinks_a_step_and_a_load_does(gate: SafetyGate):
    for cycle in range(5):
        check_at(gate, cycle / 10, joint_current_ma=with_joint(8, 200.0))
    peak = check_at(gate, 0.5, joint_current_ma=with_joint(8, 2300.0))
    assert "CURRENT_DERATED" not in peak.causes
    shares = []
    for cycle in range(6, 12):
        verdict = check_at(gate, cycle / 10, joint_current_ma=with_joint(8, 1600.0))
        assert verdict.command is not None
        shares.append(verdict.command.target[8] / STEP[8])
    for cycle in range(12, 40):
        check_at(gate, cycle / 10, joint_current_ma=with_joint(8, 1600.0))
    late = check_at(gate, 4.0, joint_current_ma=with_joint(8, 1600.0))
    assert shares[0] == 1.0
    assert late.command is not None
    assert late.command.target[8] / STEP[8] == pytest.approx(0.03, abs=0.02)
    assert "CURRENT_DERATED" in late.causes


def test_a_joint_that_pushes_against_something_settles_below_its_limit(gate: SafetyGate):
    """A stiff servo that is asked for a whole step in vain draws 2.2 A; steps shrink until it fits.

    They settle instead of shrinking to nothing and growing back in turns.
    """
    drawn, history = 0.0, []
    for cycle in range(100):
        verdict = check_at(gate, cycle / 10, joint_current_ma=with_joint(8, drawn))
        assert verdict.command is not None
        drawn = 10_600.0 * verdict.command.target[8]  # of P gain and motor, at a stop
        history.append(drawn)
    assert min(history[-20:]) > 0.8 * 1610
    assert max(history[-20:]) < 1610
    assert max(history[-20:]) - min(history[-20:]) < 10


def test_one_absurd_current_is_forgotten(gate: SafetyGate):
    check_at(gate, 0.0, joint_current_ma=with_joint(8, 200.0))
    check_at(gate, 0.1, joint_current_ma=with_joint(8, np.inf))
    after = check_at(gate, 0.2, joint_current_ma=with_joint(8, 200.0))
    assert "CURRENT_DERATED" not in after.causes


@pytest.mark.parametrize(
    "wrong",
    [
        {"state_age_max_s": 0.0},
        {"state_age_max_s": float("nan")},
        {"state_age_max_s": float("inf")},
        {"invalid_reads_max": -1},
        {"derate_from": 1.0},
        {"current_over_max_s": 0.0},
        {"current_over_max_s": float("inf")},
    ],
)
def test_limits_cannot_switch_a_check_off(wrong: dict):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GateLimits(**wrong)


@pytest.mark.parametrize("period_s", [0.0, -1.0, float("nan"), float("inf")])
def test_period_must_be_positive(period_s: float):
    with pytest.raises(ValueError, match="period_s"):
        SafetyGate(DCLAW, period_s)


# --- for every input

anything = st.floats(allow_nan=True, allow_infinity=True)
measured_or_not = st.one_of(st.just(float("nan")), st.floats(-5000, 5000))
vectors = arrays(np.float64, 9, elements=anything)
positions = arrays(np.float64, 9, elements=st.floats(-4, 4))


def check_invariants(spec: RobotSpec, memory: GateMemory, state: RobotState, request: np.ndarray):
    gate = SafetyGate(spec, PERIOD_S)
    verdict, after = gate.judge(memory, state, JointCommand(request), now_ns=0)
    assert (verdict.command is None) == (verdict.fault is not None) == bool(verdict.message)
    again, _ = gate.judge(memory, state, JointCommand(request), now_ns=0)
    assert again.causes == verdict.causes  # pure
    if verdict.command is None:
        return
    sent = verdict.command.target
    assert np.isfinite(sent).all()
    assert (sent >= spec.position_min_rad).all()
    assert (sent <= spec.position_max_rad).all()
    inside = np.abs(state.joint_position_rad) <= spec.position_max_rad
    near = np.abs(sent - state.joint_position_rad) <= STEP + 1e-9
    held = ~state.valid
    assert (near | ~inside | held).all()
    if verdict.clipped:
        assert verdict.causes
    np.testing.assert_array_equal(after.command, sent)


@given(vectors, positions, arrays(np.bool_, 9), arrays(np.float64, 9, elements=measured_or_not))
def test_whatever_is_sent_is_within_limits(
    request_rad: np.ndarray, position: np.ndarray, valid: np.ndarray, current: np.ndarray
):
    state = make_state(position, valid=valid, joint_current_ma=current)
    memory = GateMemory(np.zeros(9), np.zeros(9), np.zeros(9, dtype=np.int64))
    for spec in (DCLAW, SMOOTH):
        check_invariants(spec, memory, state, request_rad)


@given(st.lists(arrays(np.float64, 9, elements=st.floats(-2, 2)), min_size=2, max_size=8))
def test_velocity_never_jumps_under_an_acceleration_limit(requests: list[np.ndarray]):
    gate = SafetyGate(SMOOTH, PERIOD_S)
    position, previous = np.zeros(9), np.zeros(9)
    for request in requests:
        verdict = gate.check(make_state(position), JointCommand(request), now_ns=0)
        assert verdict.command is not None
        velocity = (verdict.command.target - position) / PERIOD_S
        at_edge = np.isclose(np.abs(verdict.command.target), SMOOTH.position_max_rad)
        assert ((np.abs(velocity - previous) <= 5.0 * PERIOD_S + 1e-9) | at_edge).all()
        position, previous = verdict.command.target, velocity
