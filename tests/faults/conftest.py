"""What every row of the catalogue gets: a seed, a bus as if new, a robot on it, and a witness."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hal.dynamixel.robot import DynamixelRobot
from sim.servo_bus.client import RunningBus
from tests.faults.fault_rig import BusPool
from tests.hal.dynamixel.servo_rig import running

SEEDS = 20


@pytest.fixture(
    params=[0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, SEEDS))],
    ids="seed{}".format,
)
def seed(request: pytest.FixtureRequest) -> int:
    """Seed 0 is quick, the others are slow."""
    return request.param


@pytest.fixture
def vary(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """What a row leaves open: which joint, when, how much, how often."""
    return random.Random(f"{request.function.__name__} {seed}")


@pytest.fixture(scope="session")
def shared_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusPool]:
    pool = BusPool(tmp_path_factory.mktemp("buses"))
    yield pool
    pool.close()


@pytest.fixture
def take_bus(shared_pool: BusPool) -> Iterator[Callable[..., RunningBus]]:
    """Gives buses with options; what went over their wires is looked at in the end."""
    yield shared_pool.take
    shared_pool.witness()


@pytest.fixture
def bus(take_bus: Callable[..., Any]) -> RunningBus:
    """A bus of new servos."""
    return take_bus()


@pytest.fixture
def robot(bus: RunningBus) -> Iterator[DynamixelRobot]:
    """A robot on it, ACTIVE, with more patience than a real one."""
    with running(bus.port) as active:
        yield active
