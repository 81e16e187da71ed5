"""Questions and plans across shared memory; what is neither is never taken for one."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from services.ipc.latest_value import LatestValue
from services.ipc.plan_exchange import (
    MalformedPlanError,
    PlanExchange,
    PlanMessage,
    PlanRequest,
    calm,
)

REQUEST = PlanRequest(
    3, 2**63 + 5, 7, 17, 100, 0, np.arange(4.0), np.array([0.5]), np.ones(2), np.full(2, 0.25)
)
PLAN = PlanMessage(
    3, 7, 17, 100, 220, 110, 2, 64, 1.5, 1.6, 0.125, np.arange(6, dtype=np.float32).reshape(3, 2)
)


@pytest.fixture
def memory() -> tuple[bytearray, bytearray]:
    return bytearray(8192), bytearray(8192)


@pytest.fixture
def exchange(memory) -> Iterator[PlanExchange]:
    fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    yield PlanExchange(*(memoryview(part) for part in memory), *fds)
    for descriptor in fds:
        os.close(descriptor)


def assert_same(found: tuple, expected: tuple) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_question_arrives_as_it_was_put(exchange):
    assert exchange.newest_request(0) is None
    exchange.ask(REQUEST)
    generation, found = exchange.newest_request(0)
    assert_same(found, REQUEST)
    assert exchange.newest_request(generation) is None


def test_a_plan_arrives_as_it_was_made(exchange):
    exchange.answer(PLAN)
    generation, found = exchange.newest_plan(0)
    assert_same(found, PLAN)
    assert found.actions.shape == (3, 2)
    assert exchange.newest_plan(generation) is None


def test_why_there_is_no_plan_arrives_too(exchange):
    exchange.answer(PLAN._replace(actions=np.zeros((0, 2), np.float32), error="weights öff"))
    _, found = exchange.newest_plan(0)
    assert (found.error, found.actions.shape) == ("weights öff", (0, 2))


def test_the_newest_question_takes_the_place_of_older_ones(exchange):
    for step in range(5):
        exchange.ask(REQUEST._replace(step=step))
    _, found = exchange.newest_request(0)
    assert found.step == 4


def test_each_side_pokes_the_other(exchange):
    exchange.ask(REQUEST)
    exchange.answer(PLAN)
    assert os.eventfd_read(exchange.asked_fd) == 1
    assert os.eventfd_read(exchange.made_fd) == 1
    exchange.ask(REQUEST)
    calm(exchange.asked_fd)
    calm(exchange.asked_fd)  # with nothing to forget
    with pytest.raises(BlockingIOError):
        os.eventfd_read(exchange.asked_fd)


@pytest.mark.parametrize("junk", [b"", b"x" * 30, b"\xff" * 90, b"\xff" * 200])
def test_what_is_no_message_is_refused(exchange, memory, junk):
    for part in memory:
        LatestValue(memoryview(part)).publish(junk)
    with pytest.raises(MalformedPlanError):
        exchange.newest_request(0)
    with pytest.raises(MalformedPlanError):
        exchange.newest_plan(0)
