"""How a benchmark may fail without being wrong itself: a process that it measures did not run."""

import subprocess

import grpc

from hal.errors import HalError
from mbctl.study.curves.points import RunFilesError
from services.bench.bus_clients import BenchmarkClientError
from services.bench.loop_process import LearnerError
from services.bench.stop_rig import StopBenchError
from services.controller.control_channel import ControlError
from services.errors import ServiceError
from services.up.process import DaemonDiedError

FAILURES = (
    BenchmarkClientError,
    HalError,
    ControlError,
    DaemonDiedError,
    LearnerError,
    OSError,
    RunFilesError,
    ServiceError,
    StopBenchError,
    grpc.RpcError,
    subprocess.SubprocessError,
)
