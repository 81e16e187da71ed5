"""The same kill for a plain loop on `dynamixel_sdk`, the baseline: nothing stops its servos."""

import importlib.util
import random
import signal
import subprocess
import time
from dataclasses import asdict

from hal.child import module_command
from services.bench.bus_clients import BenchmarkClientError
from services.bench.report import Say
from services.bench.stop_journal import Trial, TrialJournal
from services.bench.stop_motion import halt_after
from services.bench.stop_rig import ROBOT, StopBenchError
from services.bench.stop_sdk import SWINGING
from sim.servo_bus.client import start_virtual_bus

PLAIN_LOOP = "plain loop on dynamixel_sdk"
WINDOW_S = 2.5
_BEFORE_NS = 300_000_000
_PHASE_S = (1.6, 4.6)  # from its start: both directions


def measure_plain_kills(count: int, journal: TrialJournal, say: Say) -> list[Trial]:
    """Kill until the journal has `count` trials.

    Raises:
        BenchmarkClientError: `dynamixel_sdk` is not installed.
        StopBenchError: the loop does not begin.
    """
    if importlib.util.find_spec("dynamixel_sdk") is None:
        raise BenchmarkClientError(
            "dynamixel_sdk, the baseline, is not installed: pip install dynamixel-sdk"
        )
    while (number := len(journal.of(PLAIN_LOOP))) < count:
        say(f"SIGKILL of a {PLAIN_LOOP}, {number + 1} of {count}")
        journal.add(PLAIN_LOOP, **_kill(random.Random(f"{PLAIN_LOOP} {number}")))
    return journal.of(PLAIN_LOOP)


def _kill(rng: random.Random) -> Trial:
    with start_virtual_bus(ROBOT, record=None) as bus:
        command = module_command("services.bench.stop_sdk", bus.port)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                said = process.stdout.readline() if process.stdout else b""
                if said != SWINGING:
                    raise StopBenchError(f"the plain loop said {said!r}, expected {SWINGING!r}")
                time.sleep(rng.uniform(*_PHASE_S))
                killed_ns = time.monotonic_ns()
            finally:
                process.send_signal(signal.SIGKILL)
        time.sleep(WINDOW_S)
        return asdict(halt_after(bus.motion(killed_ns - _BEFORE_NS), killed_ns))
