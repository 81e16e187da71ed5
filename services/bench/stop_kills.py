"""Kills parts of a controller in motion, and measures how the robot stops and what a restart does.

SIGKILL at a random moment of episodes: the control process, the service process, or both. The
baseline is a plain loop on `dynamixel_sdk`: nothing stops its servos.
"""

import contextlib
import importlib.util
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from hal.child import module_command
from hal.lifecycle import Lifecycle
from services.bench.bus_clients import BenchmarkClientError
from services.bench.report import Say
from services.bench.stop_journal import Trial, TrialJournal
from services.bench.stop_motion import halt_after
from services.bench.stop_rig import ROBOT, SPOILING, StopBenchError, StopRig
from services.bench.stop_sdk import SWINGING
from services.ipc.segment import SharedSegment
from services.ipc.state_board import StateBoard
from sim.servo_bus.client import start_virtual_bus
from sim.servo_bus.oracle import Traffic

Victim = Literal["control process", "service process", "both"]
VICTIMS: tuple[Victim, ...] = ("both", "control process", "service process")
NO_WATCHDOG = "both, servos without watchdog"
WINDOW_S = 1.0
_BEFORE_NS = 300_000_000
_PHASE_S = (0.2, 2.5)  # from the first motion: soft start, reset and episode
_PER_BUS = 20  # recordings are read again for each restart
_SPOILED_MAX = 10


def measure_kills(
    kind: str, victim: Victim, count: int, journal: TrialJournal, say: Say, *, watchdog: bool = True
) -> list[Trial]:
    """Kill until the journal has `count` trials of this kind.

    Raises:
        StopBenchError: too many trials in a row could not even begin.
    """
    spoiled = 0
    while len(journal.of(kind)) < count:
        left = min(_PER_BUS, count - len(journal.of(kind)))
        try:
            with _rig(watchdog) as rig:
                for _ in range(left):
                    number = len(journal.of(kind))
                    say(f"SIGKILL of {kind}, {number + 1} of {count}")
                    journal.add(kind, **_kill(rig, victim, random.Random(f"{kind} {number}")))
                    spoiled = 0
        except SPOILING as error:
            spoiled += 1
            journal.add("spoiled", of=kind, why=str(error)[:300])
            if spoiled > _SPOILED_MAX:
                raise StopBenchError(f"{spoiled} trials in a row failed: {error}") from error
    return journal.of(kind)


@contextlib.contextmanager
def _rig(watchdog: bool) -> Iterator[StopRig]:
    with (
        tempfile.TemporaryDirectory(prefix="mbctl-bench-") as name,
        StopRig(Path(name), has_watchdog=watchdog) as rig,
    ):
        yield rig


def _kill(rig: StopRig, victim: Victim, rng: random.Random) -> Trial:
    """One trial; the daemon serves again afterwards, its robot INACTIVE."""
    control, service = rig.control_pid, rig.service_pid
    pids = {"control process": (control,), "service process": (service,)}
    with rig.moving(), board_of(control) as board:
        time.sleep(rng.uniform(*_PHASE_S))
        rig.require_active()
        killed_ns = rig.kill(*pids.get(victim, (control, service)))
        quit_ns = left_active_ns(board, WINDOW_S) if victim == "service process" else None
        time.sleep(max(0.0, WINDOW_S - (time.monotonic_ns() - killed_ns) / 1e9))
        halt = halt_after(rig.bus.motion(killed_ns - _BEFORE_NS), killed_ns, quit_ns)
    found: Trial = asdict(halt)
    if victim == "service process":
        found["released_s"] = None if quit_ns is None else (quit_ns - killed_ns) / 1e9
    if victim == "control process":
        _clear(rig)
    else:
        found |= _restart(rig, control)
    return found


def _clear(rig: StopRig) -> None:
    rig.wait_for(lambda: rig.client.status().HasField("fault"), "a fault", WINDOW_S * 10)
    rig.client.clear_fault()


def _restart(rig: StopRig, control_pid: int) -> Trial:
    """Start the daemon again: what it finds, what it says, and what it moves."""
    rig.wait_gone(control_pid)
    state, before, begun_ns = rig.bus.state(), rig.positions(), time.monotonic_ns()
    had_torque = sum(joint["torque_on"] for joint in state["joints"].values())
    rig.start()
    rig.wait_for(lambda: rig.client.status().health.joints, "the health of joints", 10.0)
    warnings = rig.client.status().health.warnings
    drift = max(abs(a - b) for a, b in zip(rig.positions(), before, strict=True))
    traffic = Traffic(one for one in rig.bus.records() if one.stamp_ns >= begun_ns)
    return {
        "torques_found": had_torque,
        "torques_reported": sum(text.startswith("TORQUE_FOUND_ON") for text in warnings),
        "drift_rad": drift,
        "goals_at_restart": len(traffic.goals),
        "torque_on_at_restart": sum(torque.on for torque in traffic.torques),
    }


_POLL_S = 0.001


@contextlib.contextmanager
def board_of(control_pid: int) -> Iterator[StateBoard]:
    """The state board of a control process, which outlives the service process in the block.

    Raises:
        OSError: there is no such process.
    """
    words = Path(f"/proc/{control_pid}/cmdline").read_text().split("\0")
    descriptor = words[words.index("--fd") + 1]
    inherited = os.open(f"/proc/{control_pid}/fd/{descriptor}", os.O_RDWR)
    with SharedSegment.attach(inherited) as segment:
        board = StateBoard(segment.board)
        yield board
        del board


def left_active_ns(board: StateBoard, timeout_s: float) -> int | None:
    """CLOCK_MONOTONIC when the policy commanded no more; None for not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        record = board.read()
        if record is not None and record.lifecycle != Lifecycle.ACTIVE:
            return time.monotonic_ns()
        time.sleep(_POLL_S)
    return None


PLAIN_LOOP = "plain loop on dynamixel_sdk"
PLAIN_WINDOW_S = 2.5
_PLAIN_PHASE_S = (1.6, 4.6)  # from its start: both directions


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
        journal.add(PLAIN_LOOP, **_kill_plain(random.Random(f"{PLAIN_LOOP} {number}")))
    return journal.of(PLAIN_LOOP)


def _kill_plain(rng: random.Random) -> Trial:
    with start_virtual_bus(ROBOT, record=None) as bus:
        command = module_command("services.bench.stop_sdk", bus.port)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                said = process.stdout.readline() if process.stdout else b""
                if said != SWINGING:
                    raise StopBenchError(f"the plain loop said {said!r}, expected {SWINGING!r}")
                time.sleep(rng.uniform(*_PLAIN_PHASE_S))
                killed_ns = time.monotonic_ns()
            finally:
                process.send_signal(signal.SIGKILL)
        time.sleep(PLAIN_WINDOW_S)
        return asdict(halt_after(bus.motion(killed_ns - _BEFORE_NS), killed_ns))
