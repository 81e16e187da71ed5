"""What studies say on their way, and a task that they are about."""

import pytest

from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task


@pytest.fixture(scope="session")
def task() -> Task:
    return make_task("dclaw-turn-random")


@pytest.fixture
def said() -> list[str]:
    return []
