"""Requests for faults: what is taken, what is refused, and that each kind has its test."""

from math import inf
from pathlib import Path

import pytest

from sim.servo_bus.fault_kinds import FAULT_KINDS, FaultError, parse_fault


def test_defaults_are_filled_in():
    fault = parse_fault({"fault": "late", "id": 11})
    assert (fault.servo_id, fault.count, fault.duration_s, fault.probability) == (11, inf, inf, 1.0)
    assert fault.values == {"delay_s": 0.01}
    assert parse_fault({"fault": "flood"}).words == {"pattern": "random"}


def test_values_are_taken():
    fault = parse_fault({"fault": "flip", "count": 2, "probability": 0.25, "bits": 3})
    assert (fault.servo_id, fault.count, fault.probability) == (None, 2, 0.25)
    assert fault.values == {"bits": 3}


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({}, "fault is None"),
        ({"fault": ["drop"]}, "fault is"),
        ({"fault": "earthquake"}, "expected one of: drop"),
        ({"fault": "drop", "id": 253}, "id is 253, expected 0 to 252"),
        ({"fault": "drop", "id": True}, "id is True"),
        ({"fault": "drop", "id": "11"}, "id is '11'"),
        ({"fault": "brownout"}, "its id is missing"),
        ({"fault": "drop", "count": 0}, "count is 0"),
        ({"fault": "drop", "probability": 1.5}, "expected 0 to 1"),
        ({"fault": "drop", "probability": float("nan")}, "expected a finite number"),
        ({"fault": "drop", "duration_s": "long"}, "expected a number"),
        ({"fault": "flip", "bits": float("inf")}, "expected a finite number"),
        ({"fault": "drop", "bits": 3}, "takes no bits"),
        ({"fault": "flood", "pattern": "music"}, "expected one of: random"),
    ],
)
def test_what_cannot_be_is_refused(request_: dict, what: str):
    with pytest.raises(FaultError, match=what):
        parse_fault(request_)


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_each_kind_has_a_test_that_sees_it(kind: str):
    here = Path(__file__).parent
    texts = [(here / name).read_text() for name in ("test_faults.py", "test_servo_faults.py")]
    assert any(f'"{kind}"' in text for text in texts)
    assert FAULT_KINDS[kind].effect
