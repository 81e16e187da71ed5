"""Limits of open files, each in a process of its own."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
from services.descriptors import connections_max, raise_descriptor_limit
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allowed = raise_descriptor_limit()
print(allowed, resource.getrlimit(resource.RLIMIT_NOFILE)[0], connections_max())
"""


def _run(soft, hard):
    program = PROGRAM.format(soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(int(word) for word in done.stdout.split())


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "connections"),
    [
        (256, 2048, 2048, 512),
        (1024, 1024, 1024, 512),
        (256, 256, 256, 128),
        (64, 64, 64, 32),
    ],
)
def test_the_soft_limit_rises_and_connections_leave_a_reserve(soft, hard, allowed, connections):
    assert _run(soft, hard) == (allowed, allowed, connections)
