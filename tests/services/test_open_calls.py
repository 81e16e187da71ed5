"""Places for calls and streams."""

import contextlib

import pytest

from services.errors import ServiceError
from services.open_calls import CallLimits, OpenCalls

LIMITS = CallLimits(calls=5, streams=4, peer_calls=3, peer_streams=2)


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def _take(stack, calls, peer, count, is_stream):
    for _ in range(count):
        stack.enter_context(calls.place(peer, is_stream=is_stream))


def _refusal(calls, peer, is_stream):
    with pytest.raises(ServiceError) as caught, calls.place(peer, is_stream=is_stream):
        pass
    return caught.value


@pytest.mark.parametrize(("is_stream", "most"), [(False, 3), (True, 2)])
def test_one_peer_does_not_take_all_places(stack, is_stream, most):
    calls = OpenCalls(LIMITS)
    _take(stack, calls, "a", most, is_stream)
    refused = _refusal(calls, "a", is_stream)
    assert refused.reason == "TOO_MANY_CALLS"
    assert f"{most} {'streams' if is_stream else 'calls'} from this peer" in refused.message
    _take(stack, calls, "b", 1, is_stream)


def test_streams_take_no_places_of_calls(stack):
    calls = OpenCalls(LIMITS)
    for peer in "ab":
        _take(stack, calls, peer, 2, True)
    assert "4 streams are open, the limit is 4" in _refusal(calls, "c", True).message
    _take(stack, calls, "a", 3, False)


def test_callers_that_cannot_be_told_apart_share_the_total_alone(stack):
    calls = OpenCalls(LIMITS)
    _take(stack, calls, "", 5, False)
    assert "5 calls are open" in _refusal(calls, "", False).message


def test_a_place_is_free_again_after_the_call():
    calls = OpenCalls(LIMITS)
    for _ in range(20):
        with contextlib.suppress(ValueError), calls.place("a", is_stream=False):
            raise ValueError
    with contextlib.ExitStack() as stack:
        _take(stack, calls, "a", LIMITS.peer_calls, False)
        assert _refusal(calls, "a", False).reason == "TOO_MANY_CALLS"
