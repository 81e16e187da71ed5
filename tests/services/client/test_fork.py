"""A child by fork has its parent's clients and leases, and must not use them in its place."""

import subprocess
import sys

import pytest

_HEAD = """
import os, sys, time
from services.client import ControllerClient
from services.errors import ServiceError
robot = ControllerClient(sys.argv[1])
robot.status()
"""
_USES = {
    "a call": "robot.status()",
    "a stream": "next(robot.watch_status(0.1))",
    "health": "robot.is_serving()",
    "a lease": "robot.lease('child').__enter__()",
    "a new client": "ControllerClient(sys.argv[1]).status()",
}


def run(program: str, target: str) -> str:
    """What it prints, once the child and then the parent have ended."""
    command = [sys.executable, "-P", "-c", _HEAD + program, target]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("use", _USES.values(), ids=_USES)
def test_a_client_in_a_forked_child_says_so_at_once(target: str, use: str):
    program = f"""
pid = os.fork()
if pid == 0:
    start = time.monotonic()
    try:
        {use}
    except ServiceError as error:
        print(error.reason, sys.argv[1] in error.message, "spawn" in error.message, flush=True)
        print(time.monotonic() - start < 2.0, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print("parent", robot.status().robot)
"""
    assert run(program, target) == "FORKED True True\nTrue\nparent dclaw0\n"


def test_a_forked_child_does_not_give_its_parent_s_lease_back(target: str, peer):
    program = """
with robot, robot.lease("parent", 0.4) as lease:
    if os.fork() == 0:
        try:
            lease.check()
        except ServiceError as error:
            print(error.reason, flush=True)
        sys.exit(0)  # out of both blocks
    os.wait()
    time.sleep(0.6)
    lease.check()
    print("parent holds it", flush=True)
"""
    assert run(program, target) == "FORKED\nparent holds it\n"
    names = [type(request).__name__ for request in peer.requests]
    assert names.count("ReturnLeaseRequest") == 1
    assert names[-1] == "ReturnLeaseRequest"
