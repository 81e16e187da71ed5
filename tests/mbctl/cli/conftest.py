"""A virtual bus for the commands that talk to servos themselves."""

from collections.abc import Iterator

import pytest

from sim.servo_bus.client import RunningBus, start_virtual_bus


@pytest.fixture(scope="module")
def running() -> Iterator[RunningBus]:
    """A D'Claw that answers."""
    from services.bring_up.session import opened_bus

    with start_virtual_bus("dclaw") as bus:
        with opened_bus(bus.port, 1_000_000) as opened:
            opened.wait_for(10)
        yield bus
