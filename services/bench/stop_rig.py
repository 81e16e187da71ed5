"""A controller daemon on a virtual bus, in motion: what `mbctl bench stop` kills and stops."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hal.lifecycle import Lifecycle
from mbctl.policies.snapshot import save_snapshot
from mbctl.tasks.registry import make_task
from services.bench.act import random_policy
from services.client import ControllerClient
from services.controller import paths
from services.errors import ServiceError
from services.up.process import DaemonDiedError, DaemonProcess
from sim.servo_bus.client import RunningBus, start_virtual_bus

ROBOT, TASK = "dclaw", "dclaw-turn-random"
JOINTS = 9
WATCHDOG_S = 0.1
# The bus shares processors with everything else, as real servos do not.
PATIENCE = {"comm_fault_s": 1.0, "cycle_budget_s": 0.018}
_START_S, _MOVE_S, _END_S = 60.0, 20.0, 20.0
_EPISODES = 1_000
_LEASE_S = 5.0
_POLL_S = 0.01
_BEFORE_WATCHDOG = 37  # firmware
_PRESENT_FIRMWARE = 45


class StopBenchError(Exception):
    """The robot was not in the state that a measurement begins with."""


SPOILING = (StopBenchError, ServiceError, DaemonDiedError)
"""What makes a trial void on a machine that is too busy; the next one begins anew."""


class StopRig:
    """A daemon with an untrained, exploring policy, and the bus behind it.

    Args:
        directory: for everything that they write.
        has_watchdog: False gives the servos firmware without one.

    Raises:
        DaemonDiedError: on entering, the daemon did not start.
    """

    def __init__(self, directory: Path, *, has_watchdog: bool = True) -> None:
        self._directory = directory
        self._firmware = _PRESENT_FIRMWARE if has_watchdog else _BEFORE_WATCHDOG
        self._port = directory / "servo-bus"
        self._run_dir = directory / "run"
        self._log = directory / "controller.log"
        self._stack = contextlib.ExitStack()
        self._daemon: DaemonProcess | None = None
        self.bus: RunningBus
        self.client: ControllerClient

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.bus = stack.enter_context(
                start_virtual_bus(ROBOT, port_link=str(self._port), firmware=self._firmware)
            )
            save_snapshot(random_policy(make_task(TASK)), self._run_dir / paths.POLICIES_DIR)
            stack.callback(self._end)
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def service_pid(self) -> int:
        """Of the daemon's service process."""
        return self._daemon.pid if self._daemon else 0

    @property
    def control_pid(self) -> int:
        """Of the newest control process."""
        lines = self._log.read_text(errors="replace").splitlines()
        events = (json.loads(line) for line in lines if line.startswith("{"))
        pids = [event["pid"] for event in events if event.get("event") == "control_started"]
        if not pids:
            raise StopBenchError(f"no control process is named in {self._log}")
        return pids[-1]

    def start(self) -> None:
        """Start the daemon and wait until its robot is connected.

        Raises:
            DaemonDiedError: it ended, or does not serve in time.
        """
        address = self._run_dir / paths.ADDRESS_FILE
        address.unlink(missing_ok=True)
        config = self._directory / "controller.json"
        config.write_text(json.dumps(self._config()))
        self._daemon = DaemonProcess("controller", config, self._log)
        self._daemon.__enter__()
        self._daemon.wait_serving(lambda: _is_serving(address), _START_S)
        self.client = ControllerClient(address.read_text().strip())

    def kill(self, *pids: int) -> int:
        """SIGKILL; returns CLOCK_MONOTONIC of just before."""
        now_ns = time.monotonic_ns()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return now_ns

    def wait_gone(self, control_pid: int) -> None:
        """Wait for the end of a daemon that was killed, and of its control process.

        Raises:
            StopBenchError: one of them lives on.
        """
        self.wait_for(lambda: not _runs(control_pid) and self._is_daemon_gone(), "the end", _END_S)
        self.client.__exit__()

    def wait_for(self, condition: Callable[[], Any], what: str, timeout_s: float) -> None:
        """Wait for a condition that is cheap to look at.

        Raises:
            StopBenchError: not within `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise StopBenchError(f"{what}: not within {timeout_s:g} s; {self._said()}")
            time.sleep(_POLL_S)

    def wait_lifecycle(self, wanted: Lifecycle) -> None:
        """Wait until the robot is in this state.

        Raises:
            StopBenchError: it is not in time.
        """
        self.wait_for(lambda: self.client.status().lifecycle == wanted, wanted.name, _MOVE_S)

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """The robot runs episodes in the block; whoever is killed there, that ends the lease too.

        Raises:
            StopBenchError: it does not begin to move.
            ServiceError: it is not activated.
        """
        self.wait_lifecycle(Lifecycle.INACTIVE)
        self.wait_for(lambda: self.client.status().policy.version >= 1, "a policy", _MOVE_S)
        with contextlib.ExitStack() as stack:
            lease = stack.enter_context(_lapsing(self.client))
            self.client.activate(lease)
            self.client.run_episodes(lease, _EPISODES, "evaluate", explore=True)
            self.wait_for(lambda: self.bus.state()["moving"], "motion", _MOVE_S)
            yield

    def require_active(self) -> None:
        """Pass while episodes run.

        Raises:
            StopBenchError: something else has stopped the robot.
        """
        status = self.client.status()
        if status.lifecycle != Lifecycle.ACTIVE:
            raise StopBenchError(f"the robot is not active: {status.fault.message or 'no fault'}")

    def positions(self) -> list[float]:
        """True angles of the joints, rad."""
        joints = list(self.bus.state()["joints"].values())[:JOINTS]
        return [joint["position_rad"] for joint in joints]

    def _config(self) -> dict[str, Any]:
        bus = PATIENCE | {"watchdog_s": WATCHDOG_S}
        if self._firmware < _PRESENT_FIRMWARE:
            bus |= {"allow_no_watchdog": True}
        return {
            "task": {"name": TASK},
            "robot": {"backend": "virtual-bus", "port": str(self._port), "bus": bus},
            "clock": "wall",
            "listen": "127.0.0.1:0",
            "trainer": "",
            "run_dir": str(self._run_dir),
        }

    def _is_daemon_gone(self) -> bool:
        try:
            if self._daemon is not None:
                self._daemon.check()
        except DaemonDiedError:
            return True
        return False

    def _said(self) -> str:
        return f"the end of its log:\n{self._daemon.log_tail()}" if self._daemon else ""

    def _end(self) -> None:
        if self._daemon is not None:
            self._daemon.stop()


@contextlib.contextmanager
def _lapsing(client: ControllerClient) -> Iterator[Any]:
    """A lease that nobody may be left to take back."""
    with contextlib.ExitStack() as stack:
        lease = stack.enter_context(client.lease("bench", window_s=_LEASE_S, take=True))
        stack.callback(lease.leave)
        yield lease


def _is_serving(address: Path) -> bool:
    if not address.is_file():
        return False
    try:
        with ControllerClient(address.read_text().strip()) as client:
            return client.is_serving()
    except ServiceError:
        return False


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
