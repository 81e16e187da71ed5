"""Settings of the whole test run."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from hal.description import RobotDescription

# Two OpenMP threads on a shared machine collapse to a fraction of one: before torch is imported,
# for this process and the daemons it starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Whoever starts the tests may ignore them (nohup, a job in the background), and daemons inherit it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# Verbs without a target find the daemons of these tests, and no others.
_runtime = tempfile.TemporaryDirectory(prefix="mbctl-tests-")
os.environ["XDG_RUNTIME_DIR"] = _runtime.name

# Before any test imports them, from whichever folder.
pytest.register_assert_rewrite(
    "tests.conformance.robot", "tests.conformance.algorithm", "tests.conformance.point_mass"
)


@pytest.fixture
def define() -> "Iterator[Callable[[RobotDescription], RobotDescription]]":
    """Define a robot for the length of a test."""
    from hal.robots.registry import ROBOTS, define_robot

    names: list[str] = []

    def define(description: "RobotDescription") -> "RobotDescription":
        define_robot(description, __name__)
        names.append(description.spec.model)
        return description

    yield define
    for name in names:
        ROBOTS._definitions.pop(name)


# How fast examples are drawn tells of the machine and of Hypothesis's own caches, not of this code.
settings.register_profile("mbctl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mbctl")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`: a file's tests run in one process, which starts its daemons once."""
    from xdist.scheduler import LoadGroupScheduling

    class FilesTogether(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            scope = super()._split_scope(nodeid)
            return nodeid.partition("::")[0] if scope == nodeid else scope

    return FilesTogether(config, log)
