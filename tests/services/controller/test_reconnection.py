"""A lost robot is tried to be reached until that works, with the fault still latched."""

import asyncio
import contextlib

import pytest

from services.controller import reconnection
from services.controller.control_channel import ControlError
from services.controller.reconnection import Reconnection
from services.controller.view import ControlView, new_fault
from services.errors import ServiceError


class Bench:
    """A view, a port that may be there, and launches that fail as often as told."""

    def __init__(self) -> None:
        self.view = ControlView()
        self.failures: list[ControlError] = []
        self.launched: list[object] = []
        self.tries = 0
        self.port = True
        self.under_test = Reconnection(self.view, self.launch, lambda: self.port, asyncio.Lock())

    async def launch(self, latched: object) -> None:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.launched.append(latched)
        self.view.alive = True
        self.under_test.end()

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.ensure_future(self.under_test.run())
        yield
        task.cancel()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(reconnection, "FIRST_S", 0.01)
    monkeypatch.setattr(reconnection, "MAX_S", 0.05)


def test_it_goes_on_until_it_works_and_keeps_the_fault():
    async def scenario() -> None:
        bench = Bench()
        bench.view.control_fault = fault = new_fault("PORT_LOST", "unplugged")
        bench.failures = [
            ControlError("no /dev/x", reason="PORT_MISSING"),
            ControlError("no 10", reason="MISSING_SERVO"),
        ]
        async with bench.running():
            bench.under_test.want("PORT_LOST", "unplugged")
            with pytest.raises(ServiceError) as caught:
                bench.view.check_reachable()
            assert (caught.value.code.name, caught.value.reason) == ("UNAVAILABLE", "PORT_LOST")
            await bench.until(lambda: bench.tries == 2)
            assert bench.view.unreachable is not None
            assert bench.view.unreachable.reason == "MISSING_SERVO"
            await bench.until(lambda: bool(bench.launched))
            assert bench.launched == [fault]
            assert bench.view.unreachable is None
            bench.view.check_reachable()
            await asyncio.sleep(0.1)
            assert bench.tries == 3, "once is enough"

    asyncio.run(scenario())


def test_no_process_is_started_for_a_port_that_is_not_there():
    async def scenario() -> None:
        bench = Bench()
        bench.port = False
        async with bench.running():
            bench.under_test.want("PORT_MISSING", "no /dev/x")
            await asyncio.sleep(0.2)
            assert bench.tries == 0
            bench.port = True
            await bench.until(lambda: bool(bench.launched))
        assert bench.launched == [None]

    asyncio.run(scenario())
