"""A controller without a single free descriptor serves on, and goes on when there are some."""

import contextlib
import os
import resource
import signal
import time
from pathlib import Path

import pytest

from hal.lifecycle import Lifecycle
from services.errors import ServiceError


@contextlib.contextmanager
def _no_free_descriptor(pid):
    """Whatever needs a descriptor fails with EMFILE within the block."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    taken = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    lowest_free = min(set(range(len(taken) + 1)) - taken)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@pytest.fixture
def controller(start_controller, tmp_path, publish, policy):
    publish(tmp_path / "run", policy(1))
    return start_controller(tmp_path / "run")


def test_nothing_ends_and_nothing_is_refused_for_good(controller, wait_for, publish, policy):
    with controller.client() as robot, robot.lease("holder", 5.0) as lease:
        wait_for(lambda: robot.status().policy.version == 1)
        robot.activate(lease)
        batch = robot.run_episodes(lease, 100_000, "train", True, 0)
        with _no_free_descriptor(controller.process.pid):
            publish(controller.run_dir, policy(2))
            stored = robot.status().spool.rows_written
            deadline = time.monotonic() + 3.0
            while time.monotonic() < deadline:
                lease.check()
                assert robot.status().lifecycle == Lifecycle.ACTIVE
                time.sleep(0.1)
            assert robot.status().spool.rows_written > stored
            assert robot.status().policy.version == 1
        wait_for(lambda: robot.status().policy.version == 2)
        assert robot.status().policy.last_refusal == ""
        batch.cancel()
    assert controller.stop() == 0


def test_a_control_process_that_cannot_be_started_now_is_started_later(controller, wait_for):
    with controller.client() as robot:
        wait_for(lambda: robot.status().policy.version == 1)
        with _no_free_descriptor(controller.process.pid):
            os.kill(controller.control_pid(), signal.SIGKILL)
            wait_for(lambda: robot.status().lifecycle == Lifecycle.FAULT)
            with _no_free_descriptor(controller.process.pid):  # those of the dead process, too
                with pytest.raises(ServiceError, match="Too many open files"):
                    robot.clear_fault()
                assert robot.status().fault.reason == "CONTROL_PROCESS_DIED"
                assert robot.emergency_stop("a hand").torque_off_failed  # nothing can confirm it
                assert robot.status().fault.reason == "EMERGENCY_STOP"
        robot.clear_fault()
        assert robot.release_emergency_stop().lifecycle == Lifecycle.INACTIVE
    assert controller.stop() == 0


def test_the_descriptors_of_a_failed_start_are_given_back(controller, wait_for):
    def count() -> int:
        return len(list(Path(f"/proc/{controller.process.pid}/fd").iterdir()))

    with controller.client() as robot:
        wait_for(lambda: robot.status().policy.version == 1)
        os.kill(controller.control_pid(), signal.SIGKILL)
        wait_for(lambda: robot.status().lifecycle == Lifecycle.FAULT)
        before = count()
        with _no_free_descriptor(controller.process.pid):
            for _ in range(5):
                with pytest.raises(ServiceError):
                    robot.clear_fault()
        assert count() <= before
        assert robot.clear_fault().lifecycle == Lifecycle.INACTIVE
