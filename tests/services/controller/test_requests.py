"""A retried request acts once; a reused id with another content is told so."""

import asyncio

import pytest

from protos import controller_pb2
from services.controller.requests import RequestMemory
from services.errors import ServiceError, refusal


class _Counter:
    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0

    async def act(self) -> int:
        self.calls += 1
        await asyncio.sleep(0.01)
        if self.failures:
            self.failures -= 1
            raise refusal("CONTROL_PROCESS_DIED", "not now")
        return self.calls


def _request(request_id: str, owner: str = "anna"):
    return controller_pb2.AcquireLeaseRequest(owner=owner, request_id=request_id)


def test_the_same_request_acts_once_even_when_both_run_at_once():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        both = await asyncio.gather(
            memory.once(_request("a"), counter.act), memory.once(_request("a"), counter.act)
        )
        later = await memory.once(_request("a"), counter.act)
        return [*both, later]

    assert asyncio.run(scenario()) == [1, 1, 1]


def test_without_an_id_every_call_acts():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        return [await memory.once(_request(""), counter.act) for _ in range(2)]

    assert asyncio.run(scenario()) == [1, 2]


def test_another_request_under_the_same_id_is_refused():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        await memory.once(_request("a"), counter.act)
        await memory.once(_request("a", owner="ben"), counter.act)

    with pytest.raises(ServiceError) as caught:
        asyncio.run(scenario())
    assert caught.value.reason == "REQUEST_ID_REUSED"


def test_a_failed_request_may_be_tried_again():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        counter.failures = 1
        with pytest.raises(ServiceError):
            await memory.once(_request("a"), counter.act)
        return await memory.once(_request("a"), counter.act)

    assert asyncio.run(scenario()) == 2


def test_work_goes_on_when_its_caller_goes_away():
    async def scenario():
        memory, counter = RequestMemory(), _Counter()
        call = asyncio.create_task(memory.once(_request("a"), counter.act))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return await memory.once(_request("a"), counter.act)

    assert asyncio.run(scenario()) == 1


def test_old_ids_are_forgotten_beyond_a_bound():
    async def scenario():
        memory, counter = RequestMemory(remembered=2), _Counter()
        for request_id in ("a", "b", "c"):
            await memory.once(_request(request_id), counter.act)
        return await memory.once(_request("a"), counter.act)

    assert asyncio.run(scenario()) == 4


@pytest.mark.parametrize("request_id", ["x" * 65, "a\x00b"])
def test_malformed_ids_are_refused(request_id):
    with pytest.raises(ServiceError) as caught:
        asyncio.run(RequestMemory().once(_request(request_id), _Counter().act))
    assert caught.value.reason == "FIELD_INVALID"
