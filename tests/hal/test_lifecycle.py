from itertools import product

import pytest

from hal.errors import LifecycleError
from hal.lifecycle import LEGAL_TRANSITIONS, Lifecycle, check_transition

U, I, A, H, F, E = Lifecycle  # noqa: E741 the initials of the states


def test_numbers_are_those_of_the_wire():
    assert [s.value for s in Lifecycle] == [1, 2, 3, 4, 5, 6]
    assert [s.name for s in Lifecycle] == [
        "UNCONFIGURED", "INACTIVE", "ACTIVE", "HOLD", "FAULT", "E_STOPPED",
    ]  # fmt: skip


def test_table_and_check_agree():
    for current, target in product(Lifecycle, Lifecycle):
        if target in LEGAL_TRANSITIONS[current]:
            check_transition(current, target)
        else:
            with pytest.raises(LifecycleError):
                check_transition(current, target)


@pytest.mark.parametrize("latched", [H, F, E])
def test_latched_states_never_lead_straight_back_to_motion(latched: Lifecycle):
    assert A not in LEGAL_TRANSITIONS[latched]
    assert I in LEGAL_TRANSITIONS[latched]


def test_only_inactive_leads_to_active():
    assert [s for s in Lifecycle if A in LEGAL_TRANSITIONS[s]] == [I]


def test_emergency_stop_is_reachable_from_everywhere_and_outranks_a_fault():
    assert all(E in LEGAL_TRANSITIONS[s] for s in Lifecycle if s is not E)
    assert F not in LEGAL_TRANSITIONS[E]


def test_refusal_names_both_states_and_the_legal_ones():
    with pytest.raises(LifecycleError, match=r"FAULT -> ACTIVE.*INACTIVE, E_STOPPED") as caught:
        check_transition(F, A)
    assert caught.value.reason == "WRONG_LIFECYCLE"
