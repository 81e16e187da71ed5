"""What clients can cause at will is logged up to a rate, and the rest told as a number."""

import math

from services.logs.writer import KINDS_MAX, LIMITS, RateLimit

REFUSED = {"event": "call_refused", "method": "/m/A", "reason": "LEASE_REQUIRED"}
BURST = LIMITS["call_refused"].burst


def test_the_first_pass_and_the_others_are_counted():
    limit = RateLimit(period_s=10.0)
    passed = sum(limit.admits(REFUSED, 0.0) for _ in range(1000))
    assert passed == BURST
    assert list(limit.settle(9.9)) == []
    assert list(limit.settle(10.0)) == [
        {
            "event": "log_rate_limited",
            "of": "call_refused",
            "count": 1000 - BURST,
            "method": "/m/A",
            "reason": "LEASE_REQUIRED",
        }
    ]
    assert limit.admits(REFUSED, 10.0)


def test_kinds_do_not_hide_one_another():
    limit = RateLimit()
    for _ in range(100):
        limit.admits(REFUSED, 0.0)
    assert limit.admits(REFUSED | {"reason": "DRAINING"}, 0.0)


def test_what_is_not_listed_is_never_held_back():
    limit = RateLimit()
    assert all(limit.admits({"event": "fault"}, 0.0) for _ in range(1000))


def test_more_kinds_than_are_kept_apart_are_counted_together():
    limit = RateLimit()
    kinds = [REFUSED | {"method": f"/m/{number}"} for number in range(10 * KINDS_MAX)]
    passed = sum(limit.admits(kind, 0.0) for kind in kinds)
    assert passed == KINDS_MAX + BURST
    (told,) = limit.settle(math.inf)
    assert told["count"] == len(kinds) - passed
