"""Buses that tests share, the witness of what went over their wires, and small conveniences."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hal.dynamixel.control_table import XM430_W350_TABLE
from hal.dynamixel.packet import BROADCAST_ID
from hal.dynamixel.registers import Register
from hal.dynamixel.robot import DynamixelRobot
from hal.errors import HalError, RobotReadError
from hal.lifecycle import Lifecycle
from hal.robots.dclaw import DCLAW
from sim.servo_bus.client import RunningBus, start_virtual_bus
from sim.servo_bus.oracle import GoalSent, TorqueSent, Traffic
from sim.servo_bus.records import Record
from tests.hal.dynamixel.servo_rig import IDS, JOINT_IDS, command, pristine, tend

RECORD_BYTES_MAX = 4_000_000  # a longer recording costs each witness too much time
BUSES_MAX = 3
NAMES = dict(zip(JOINT_IDS, DCLAW.joint_names, strict=True)) | {50: "valve"}
_COLD_C = 40


class BusPool:
    """Virtual buses by their options. A test gets one as if it were new: a start takes seconds.

    Args:
        folder: for the links to their ports.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buses: dict[str, RunningBus] = {}
        self._eeprom: dict[str, dict[int, dict[str, int]]] = {}
        self._started = 0
        self._taken: dict[str, int] = {}

    def take(self, **options: Any) -> RunningBus:
        """A bus with these options of `start_virtual_bus`, its servos as from the factory."""
        key = repr(sorted(options.items()))
        self._drop_worn(key)
        if key not in self._buses:
            self._start(key, options)
        bus = self._buses[key]
        make_new(bus, self._eeprom[key])
        self._taken[key] = bus.state()["stamp_ns"]
        return bus

    def witness(self) -> None:
        """Hold what the test has sent against what must never be sent."""
        taken, self._taken = self._taken, {}
        for key, since_ns in taken.items():
            bus = self._buses[key]
            if bus.is_running:
                check_wire([r for r in bus.records() if r.stamp_ns >= since_ns])
                bus.clear()

    def close(self) -> None:
        """End them all."""
        for bus in self._buses.values():
            bus.close()

    def _start(self, key: str, options: dict[str, Any]) -> None:
        while len(self._buses) >= BUSES_MAX:
            self._end(next(k for k in self._buses if k not in self._taken))
        self._started += 1
        link = self._folder / f"bus{self._started}"
        bus = self._buses[key] = start_virtual_bus("dclaw", port_link=str(link), **options)
        self._eeprom[key] = {i: eeprom_of(bus, i) for i in IDS}

    def _drop_worn(self, key: str) -> None:
        bus = self._buses.get(key)
        if bus is not None and not (
            bus.is_running and Path(bus.record).stat().st_size < RECORD_BYTES_MAX
        ):
            self._end(key)

    def _end(self, key: str) -> None:
        self._buses.pop(key).close()


def eeprom_of(bus: RunningBus, servo_id: int) -> dict[str, int]:
    """Registers that a restart does not set back."""
    table = bus.table(servo_id)
    return {r.name: table[r.name] for r in _kept_registers() if r.name in table}


def make_new(bus: RunningBus, eeprom: dict[int, dict[str, int]]) -> None:
    """Undo whatever a test before has done to the servos."""
    if not bus.state()["plugged"]:
        bus.replug()
    bus.clear()
    for servo_id, wanted in eeprom.items():
        found = bus.table(servo_id)
        for name, value in wanted.items():
            if found[name] != value:
                bus.set_register(servo_id, name, value)
    hot = [i for i in IDS if bus.table(i)["present_temperature"] > _COLD_C]
    for servo_id in hot:
        bus.inject("temperature", servo_id=servo_id, temperature_c=25.0)
    pristine_deadline(bus, hot)
    pristine(bus)


def pristine_deadline(bus: RunningBus, hot: list[int]) -> None:
    """Wait until those have cooled down that a test had heated."""
    if hot:
        bus.wait_for(lambda _: all(bus.table(i)["present_temperature"] <= _COLD_C for i in hot))


def _kept_registers() -> Iterator[Register]:
    return (r for r in XM430_W350_TABLE.registers if r.is_eeprom)


def check_wire(records: list[Record]) -> None:
    """No goal beyond a joint's travel, no torque without a goal that had been seeded for it."""
    traffic = Traffic(records)
    assert traffic.goals_outside("dclaw") == []
    assert unseeded(traffic) == []


def unseeded(traffic: Traffic) -> list[TorqueSent]:
    """Torque switched on in a servo that had got no goal since its torque was last taken off."""
    sent: list[GoalSent | TorqueSent] = [*traffic.goals, *traffic.torques]
    sent.sort(key=lambda one: one.stamp_ns)
    seeded: set[int] = set()
    found = []
    for one in sent:
        to = set(IDS) if one.servo_id == BROADCAST_ID else {one.servo_id}
        if isinstance(one, GoalSent):
            seeded |= to
        elif not one.on:
            seeded -= to
        elif not to <= seeded:
            found.append(one)
    return found


def a_joint(vary: random.Random) -> int:
    """The ID of any joint's servo."""
    return vary.choice(JOINT_IDS)


def move_and_look(robot: DynamixelRobot, cycles: int, phase: float = 0.0) -> None:
    """Command a slow wave, looking at the bus in between; every state must be plausible."""
    for cycle in range(cycles):
        robot.write(command(robot, 0.1 * np.sin(phase + cycle / 5)))
        state = robot.read()
        assert np.abs(state.joint_position_rad).max() < 0.5
        assert np.abs(state.joint_velocity_rad_s).max() < 3 * 2.1
        tend(robot, 1)


def reads(robot: DynamixelRobot) -> bool:
    """Whether it can be read in full."""
    try:
        return bool(robot.read().valid.all())
    except RobotReadError:
        return False


def refusal(robot: DynamixelRobot) -> HalError:
    """Why it cannot be configured; that leaves it as it was."""
    try:
        return refused(robot.configure, robot, Lifecycle.UNCONFIGURED)
    finally:
        if robot.lifecycle is not Lifecycle.UNCONFIGURED:
            robot.close()


def refused(
    attempt: Callable[[], object], robot: DynamixelRobot, stays: Lifecycle = Lifecycle.INACTIVE
) -> HalError:
    """The error of an attempt that must fail and leave the robot in state `stays`."""
    with pytest.raises(HalError) as caught:
        attempt()
    assert robot.lifecycle is stays
    return caught.value
