"""A task and a machine for reports."""

import pytest

from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from services.bench.host import Host, measure_host


@pytest.fixture(scope="session")
def task() -> Task:
    return make_task("dclaw-turn-random")


@pytest.fixture(scope="session")
def machine() -> Host:
    return measure_host()


@pytest.fixture
def said() -> list[str]:
    return []
