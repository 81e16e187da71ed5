"""The lease: one holder, fenced by token and epoch, gone when its deadline passes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.controller.lease import NO_LEASE, LeaseBook
from services.errors import ServiceError


class _Clock:
    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock():
    return _Clock()


@pytest.fixture
def deadlines():
    return []


@pytest.fixture
def book(clock, deadlines):
    return LeaseBook(deadlines.append, clock)


def _reason(call) -> str:
    with pytest.raises(ServiceError) as caught:
        call()
    return caught.value.reason


def test_a_granted_lease_publishes_its_deadline(book, clock, deadlines):
    lease = book.acquire("anna", 0.5, take=False)
    assert deadlines == [clock.now_ns + 500_000_000]
    assert book.check(lease.token) == lease
    assert len(lease.token) == 32


def test_a_second_client_is_refused_unless_it_takes(book):
    first = book.acquire("anna", 2.0, take=False)
    assert _reason(lambda: book.acquire("ben", 2.0, take=False)) == "LEASE_HELD"
    second = book.acquire("ben", 2.0, take=True)
    assert second.epoch == first.epoch + 1
    assert _reason(lambda: book.check(first.token)) == "LEASE_LOST"
    assert _reason(lambda: book.retain(first.token)) == "LEASE_LOST"
    assert book.check(second.token).owner == "ben"


def test_a_lease_that_is_not_retained_lapses(book, clock, deadlines):
    lease = book.acquire("anna", 1.0, take=False)
    clock.now_ns += 900_000_000
    assert book.retain(lease.token).deadline_ns == clock.now_ns + 1_000_000_000
    clock.now_ns += 1_000_000_000
    assert book.current is None
    assert deadlines[-1] == NO_LEASE
    assert _reason(lambda: book.retain(lease.token)) == "LEASE_LOST"


def test_returning_ends_it_at_once(book, deadlines):
    lease = book.acquire("anna", 1.0, take=False)
    book.give_back(lease.token)
    assert deadlines[-1] == NO_LEASE
    assert book.acquire("ben", 1.0, take=False).owner == "ben"


@pytest.mark.parametrize("token", ["", "f" * 32, "'; drop table", "\N{SNOWMAN}"])
def test_a_token_that_was_never_granted_is_no_lease(book, token):
    book.acquire("anna", 1.0, take=False)
    assert _reason(lambda: book.check(token)) == "LEASE_REQUIRED"


@pytest.mark.parametrize("window_s", [-1.0, 0.1, 61.0, math.nan, math.inf])
def test_windows_out_of_range_are_refused(book, window_s):
    assert _reason(lambda: book.acquire("anna", window_s, take=False)) == "FIELD_INVALID"


@pytest.mark.parametrize("owner", ["", "x" * 65, "a\nb"])
def test_owners_must_be_short_and_printable(book, owner):
    assert _reason(lambda: book.acquire(owner, 1.0, take=False)) == "FIELD_INVALID"


class LeaseMachine(RuleBasedStateMachine):
    """Random grants, heartbeats, returns and time: never two valid tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = _Clock()
        self.book = LeaseBook(lambda _: None, self.clock)
        self.granted = []

    @rule(take=st.booleans(), window_s=st.floats(0.2, 3.0))
    def acquire(self, take, window_s):
        if self.book.current is not None and not take:
            assert _reason(lambda: self.book.acquire("someone", window_s, take)) == "LEASE_HELD"
        else:
            self.granted.append(self.book.acquire("someone", window_s, take))

    @rule(data=st.data())
    def retain_any(self, data):
        if not self.granted:
            return
        lease = data.draw(st.sampled_from(self.granted))
        current = self.book.current
        if current is not None and current.epoch == lease.epoch:
            assert self.book.retain(lease.token).epoch == lease.epoch
        else:
            assert _reason(lambda: self.book.retain(lease.token)) == "LEASE_LOST"

    @rule(step_s=st.floats(0.0, 2.0))
    def let_time_pass(self, step_s):
        self.clock.now_ns += int(step_s * 1e9)

    @invariant()
    def at_most_the_newest_grant_is_valid(self):
        valid = []
        for lease in self.granted[-20:]:
            try:
                valid.append(self.book.check(lease.token).epoch)
            except ServiceError:
                continue
        assert valid in ([], [self.granted[-1].epoch] if self.granted else [])


TestLeaseMachine = LeaseMachine.TestCase


@given(st.floats(0.2, 60.0))
def test_remaining_time_is_never_negative(window_s):
    clock = _Clock()
    lease = LeaseBook(lambda _: None, clock).acquire("anna", window_s, take=False)
    assert lease.remaining_s(clock.now_ns) == pytest.approx(window_s)
    assert lease.remaining_s(clock.now_ns + 10**12) == 0.0
