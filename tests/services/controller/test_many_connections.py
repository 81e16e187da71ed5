"""More connections than a controller can hold: it serves on, and lets go of silent ones."""

import contextlib
import socket
import time

import pytest

from protos import common_pb2
from services.errors import ServiceError

CONNECTIONS = 1_100
AT_MOST_1024_FILES = ("sh", "-c", 'ulimit -n 1024 && exec "$@"', "sh")


@pytest.fixture
def controller(start_controller):
    return start_controller(under=AT_MOST_1024_FILES)


@contextlib.contextmanager
def _silent_connections(target):
    host, _, port = target.rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            with contextlib.suppress(ConnectionError):
                stack.enter_context(socket.create_connection((host, int(port)), 5.0))
        yield


def test_silent_connections_end_neither_the_controller_nor_its_work(controller, wait_for):
    with controller.client() as robot, robot.lease("holder", 10.0) as lease:
        robot.activate(lease)
        with _silent_connections(robot.caller.target):
            deadline = time.monotonic() + 3.0
            while time.monotonic() < deadline:  # the policy store is looked at every second
                lease.check()
                assert robot.status().lifecycle == common_pb2.LIFECYCLE_ACTIVE
                time.sleep(0.1)
            robot.deactivate(lease)
            stopped = robot.emergency_stop("a hand")
            assert list(stopped.torque_off_failed) == []
            with controller.client() as late:
                wait_for(lambda: _answers(late), 20.0)
    assert controller.events("failed") == []
    assert controller.stop() == 0


def _answers(client):
    try:
        return client.status().robot
    except ServiceError as error:
        if error.reason != "UNREACHABLE":
            raise
        return ""
