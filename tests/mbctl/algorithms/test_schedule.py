"""The schedule's arithmetic."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mbctl.algorithms.schedule import Schedule, samples_of, samples_per_insert

COUNT = st.integers(1, 5000)


@settings(deadline=None)
@given(initial=COUNT, step=COUNT, refits=st.integers(1, 50))
def test_refit_i_uses_initial_plus_i_steps(initial: int, step: int, refits: int) -> None:
    schedule, used = Schedule(initial, step), 0
    for i in range(refits):
        used = schedule.next_rows(used)
        assert used == initial + i * step


@settings(deadline=None)
@given(initial=COUNT, step=COUNT, used=st.integers(0, 100_000))
def test_a_refit_on_demand_stands_for_those_whose_rows_it_used(
    initial: int, step: int, used: int
) -> None:
    following = Schedule(initial, step).next_rows(used)
    assert following > used
    assert (following - initial) % step == 0
    assert following - used <= max(initial, step)


def test_samples_per_insert() -> None:
    assert samples_per_insert(10.0, 0) == 0.0
    assert samples_per_insert(300.0, 200) == 1.5
    assert samples_of(80, {}) == 80.0
    assert samples_of(80, {"model_samples": 4000.0}) == 4000.0
