"""Descriptors above what select() takes."""

import fcntl
import os
import resource

import pytest

from services.ipc.readiness import ready_to_read


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_only_descriptors_with_something_to_read_are_named(pipe):
    reader, writer = pipe
    assert ready_to_read([reader], 0.0) == set()
    os.write(writer, b"x")
    assert ready_to_read([reader], 0.0) == {reader}


def test_a_closed_end_counts_as_readable():
    reader, writer = os.pipe()
    os.close(writer)
    assert ready_to_read([reader], 0.0) == {reader}
    os.close(reader)


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2048, reason="low limit")
def test_a_descriptor_above_1023_is_waited_for_too(pipe):
    high = fcntl.fcntl(pipe[0], fcntl.F_DUPFD_CLOEXEC, 1500)
    try:
        os.write(pipe[1], b"x")
        assert ready_to_read([high], 0.0) == {high}
    finally:
        os.close(high)
