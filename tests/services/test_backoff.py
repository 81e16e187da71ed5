"""Waits between attempts: they grow, have a bound, and start over."""

import random

from services.backoff import Backoff


def test_waits_double_up_to_the_bound_and_start_over():
    backoff = Backoff(random.Random(0), 1.0, 8.0)
    for failures, bound in enumerate((1.0, 2.0, 4.0, 8.0, 8.0)):
        assert backoff.failures == failures
        assert 0.1 * bound <= backoff.next_s() <= bound
    backoff.succeed()
    assert backoff.failures == 0
    assert backoff.next_s() <= 1.0


def test_peers_do_not_wait_alike():
    waits = {Backoff(random.Random(seed)).next_s() for seed in range(20)}
    assert len(waits) == 20
