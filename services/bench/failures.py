"""How a benchmark may fail without being wrong itself: a process that it measures did not run."""

import subprocess

import grpc

from services.bench.loop_process import LearnerError
from services.controller.channel import ControlError
from services.up.process import DaemonDiedError

FAILURES = (
    ControlError,
    DaemonDiedError,
    LearnerError,
    ConnectionError,
    TimeoutError,
    grpc.RpcError,
    subprocess.SubprocessError,
)
