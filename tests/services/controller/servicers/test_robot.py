"""Many watchers of one status."""

import asyncio
from typing import Any

import pytest

from protos import controller_pb2
from services.controller.servicers.robot import RobotServicer

NOBODY: Any = None


@pytest.mark.parametrize(("watchers", "at_least", "at_most"), [(1, 10, 60), (250, 250, 600)])
def test_many_watchers_share_what_the_service_has_time_for(watchers, at_least, at_most):
    answers = []

    def status() -> controller_pb2.GetStatusResponse:
        answers.append(1)
        return controller_pb2.GetStatusResponse()

    servicer = RobotServicer(
        supervisor=NOBODY,
        lease=NOBODY,
        batches=NOBODY,
        status=status,
        reboots=NOBODY,
    )

    async def watch() -> None:
        request = controller_pb2.WatchStatusRequest(period_ms=20)
        async for _ in servicer.WatchStatus(request, NOBODY):
            pass

    async def scenario() -> None:
        tasks = [asyncio.create_task(watch()) for _ in range(watchers)]
        await asyncio.sleep(1.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scenario())
    assert at_least <= len(answers) <= at_most
