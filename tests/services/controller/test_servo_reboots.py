"""All servos that latched are restarted in one call; one that fails keeps none from its turn."""

import asyncio
import time
from typing import Any

import pytest

from hal.health import JointHealth, RobotHealth
from services.controller import servo_reboots
from services.controller.servo_reboots import ServoReboots
from services.controller.view import ControlView
from services.errors import ServiceError, refusal

JOINTS = ("FFJ10", "FFJ11", "FFJ12", "valve")


class Servos:
    """In place of the supervisor: reboots what it is told, but for those that do not come back."""

    def __init__(self, latched: dict[str, int]) -> None:
        self.view = ControlView()
        self.latched = latched
        self.rebooted: list[str] = []
        self.fails: dict[str, str] = {}
        self.tell()

    def tell(self) -> None:
        joints = [JointHealth(j, 1, 12.0, 30.0, self.latched.get(j, 0), 0.0) for j in JOINTS]
        self.view.health = RobotHealth(joints=tuple(joints))
        self.view.health_ns = time.monotonic_ns()

    async def perform(self, verb: str, **arguments: Any) -> None:
        assert verb == "reboot_servo"
        joint = arguments["joint"]
        if joint in self.fails:
            raise refusal(self.fails[joint], f"{joint} did not come back")
        self.rebooted.append(joint)
        self.latched.pop(joint, None)


def run(servos: Servos, late: Any = None) -> list[str]:
    """Reboot all; the servos tell of themselves a moment after it was asked for."""

    async def both() -> list[str]:
        async def tell() -> None:
            await asyncio.sleep(0.05)
            if late is not None:
                late()
            servos.tell()

        telling = asyncio.ensure_future(tell())
        try:
            reboots = ServoReboots(servos, servos.view)  # pyright: ignore[reportArgumentType]
            return await reboots.all_latched()
        finally:
            await telling

    return asyncio.run(both())


def test_those_with_an_error_are_restarted_objects_too_and_no_other():
    servos = Servos({"FFJ11": 1, "valve": 32})
    assert run(servos) == servos.rebooted == ["FFJ11", "valve"]


def test_what_latched_since_the_last_word_counts():
    servos = Servos({})
    assert run(servos, lambda: servos.latched.update(FFJ12=4)) == ["FFJ12"]


def test_one_that_fails_keeps_none_from_its_turn_and_is_told():
    servos = Servos({"FFJ10": 1, "FFJ11": 1, "FFJ12": 1})
    servos.fails["FFJ10"] = "REBOOT_FAILED"
    with pytest.raises(
        ServiceError, match=r"FFJ10 did not come back.*FFJ11, FFJ12 are back"
    ) as found:
        run(servos)
    assert found.value.reason == "REBOOT_FAILED"
    assert servos.rebooted == ["FFJ11", "FFJ12"]


def test_where_none_can_be_restarted_the_first_refusal_says_why():
    servos = Servos({"FFJ10": 1, "FFJ11": 1})
    servos.fails["FFJ10"] = "WRONG_LIFECYCLE"
    with pytest.raises(ServiceError) as found:
        run(servos)
    assert found.value.reason == "WRONG_LIFECYCLE"
    assert servos.rebooted == []


def test_the_limit_of_each_servo_holds(monkeypatch):
    servos = Servos({"FFJ10": 1})
    monkeypatch.setattr(servo_reboots, "HEALTH_S", 0.1)

    async def twice() -> None:
        reboots = ServoReboots(servos, servos.view)  # pyright: ignore[reportArgumentType]
        await reboots.all_latched()
        servos.latched["FFJ10"] = 1
        servos.tell()
        with pytest.raises(ServiceError, match="REBOOT_LIMIT"):
            await reboots.all_latched()
        assert reboots.left(["FFJ10"]) == 2

    asyncio.run(twice())
    assert servos.rebooted == ["FFJ10"]
