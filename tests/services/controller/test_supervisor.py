"""What the supervisor makes known of the control process, and to whom."""

import asyncio
from types import SimpleNamespace
from typing import Any

from services.controller.patience import patience_of
from services.controller.supervisor import ControlSupervisor
from services.controller.view import ControlView


def test_a_listener_that_fails_keeps_no_other_from_an_event():
    heard: list[str] = []

    def fail(event: dict[str, Any]) -> None:
        raise RuntimeError(f"cannot take {event['type']}")

    async def scenario() -> None:
        nobody: Any = SimpleNamespace(is_port_there=True)
        supervisor = ControlSupervisor(
            nobody, ControlView(), ("a",), None, nobody, patience_of("wall")
        )
        supervisor.add_listener(fail)
        supervisor.add_listener(lambda event: heard.append(event["type"]))
        supervisor._take_event({"type": "episode_started"})
        supervisor._take_event({"type": "robot_lost", "reason": "BUS_LOST", "message": "away"})

    asyncio.run(scenario())
    assert heard == ["episode_started", "robot_lost"]
