"""Starts a virtual bus in a process of its own and talks to its side entrance.

For tests, benchmarks and `mbctl up`: the bus ends when the process that started it ends, whichever
way, and its terminal, link and socket with it.
"""

import json
import select
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hal.child import PIPE, Child, last_lines, module_command
from hal.errors import HalError
from sim.servo_bus.motion_trace import MotionSample
from sim.servo_bus.records import Record, read_records
from sim.servo_bus.settings import VirtualBusSettings

START_TIMEOUT_S = 60.0
_REPLY_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 5.0
LOG_TAIL_LINES = 20


class VirtualBusError(HalError):
    """The bus did not start, has ended, or refuses a request."""

    reason = "VIRTUAL_BUS_FAILED"


def start_virtual_bus(robot: str = "dclaw", **options: Any) -> "RunningBus":
    """Start a bus and wait until its port is there.

    Args:
        robot: robot model, such as "dclaw".
        options: the other fields of `VirtualBusSettings`. Unless `record` says where, the recording
            goes to a temporary file; `record=None` records nothing.

    Raises:
        VirtualBusSettingsError: an option out of range.
        VirtualBusError: it ended or named no port in time; the message has the end of its log.
    """
    folder = tempfile.TemporaryDirectory(prefix="virtual-bus-")
    try:
        record = options.pop("record", str(Path(folder.name) / "record.bin"))
        control = options.pop("control", "") or str(Path(folder.name) / "control")
        settings = VirtualBusSettings(
            robot=robot,  # pyright: ignore[reportArgumentType]  # checked by VirtualBusSettings
            record=str(record or ""),
            control=control,
            stop_with_stdin=True,
            **options,
        )
        return RunningBus(settings, folder)
    except BaseException:
        folder.cleanup()
        raise


class RunningBus:
    """A bus process; a context manager that ends it.

    Attributes:
        port: path to open, the link where one was asked for.
        servos: id, model, firmware and joint of each servo.
        pid: of the process.
        record: path of the recording, "" for none.
    """

    def __init__(
        self, settings: VirtualBusSettings, folder: "tempfile.TemporaryDirectory[str]"
    ) -> None:
        self.settings = settings
        self.record = settings.record
        self._folder = folder
        self._log = Path(folder.name) / "log"
        command = module_command("sim.servo_bus", *settings.command_line())
        with self._log.open("wb") as log:
            self._process = Child(command, stdin=PIPE, stdout=PIPE, stderr=log)
        try:
            self._read_banner()
        except BaseException:
            self._process.end_now()
            self._process.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process.exit_code is None

    def inject(self, fault: str, **parameters: Any) -> None:
        """Put a fault in force; `servo_id=11` or `id=11` names the servo.

        Raises:
            VirtualBusError: no such fault, or a value out of range.
        """
        if "servo_id" in parameters:
            parameters["id"] = parameters.pop("servo_id")
        self.request({"fault": fault, **parameters})

    def clear(self) -> None:
        """Lift all faults; an unplugged adapter stays unplugged, a latched error latched."""
        self.request({"clear": True})

    def state(self) -> dict[str, Any]:
        """The truth: joints, torques, faults in force, times of the last motion."""
        return self.request({"get": "state"})["state"]

    def motion(self, since_ns: int) -> list[MotionSample]:
        """How fast the joints moved in each physics step since then, CLOCK_MONOTONIC."""
        samples = self.request({"get": "motion", "since_ns": since_ns})["motion"]
        return [MotionSample(*sample) for sample in samples]

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force and how often they struck."""
        return self.request({"get": "faults"})["faults"]

    def table(self, servo_id: int) -> dict[str, int]:
        """All registers of a servo by name."""
        return self.request({"get": "table", "id": servo_id})["table"]

    def set_register(self, servo_id: int, name: str, value: int) -> None:
        """Change a register behind the servo's back, read-only ones too."""
        self.request({"set_register": {"id": servo_id, "name": name, "value": value}})

    def set_joint(self, name: str, position_rad: float) -> None:
        """Turn a joint to an angle by magic."""
        self.request({"set_joint": {"name": name, "position_rad": position_rad}})

    def set_body(self, pose: list[float]) -> None:
        """Put the bodies at a pose [6 each] and let go."""
        self.request({"set_body": {"pose": pose}})

    def disturb(self, name: str, torque_nm: float, duration_s: float) -> None:
        """Push a joint from outside."""
        values = {"name": name, "torque_nm": torque_nm, "duration_s": duration_s}
        self.request({"disturb": values})

    def unplug(self) -> None:
        """Pull the adapter out."""
        self.inject("unplug")

    def replug(self) -> str:
        """Plug the adapter in again: the path of its new port."""
        self.inject("replug")
        state = self.state()
        self.port = state["link"] or state["port"]
        return self.port

    def wait_for(
        self, condition: Callable[[dict[str, Any]], bool], timeout_s: float = 10.0
    ) -> dict[str, Any]:
        """The first state for which `condition` holds.

        Raises:
            VirtualBusError: it does not within `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            state = self.state()
            if condition(state):
                return state
            if time.monotonic() > deadline:
                raise VirtualBusError(f"not reached within {timeout_s} s; the state is {state}")
            time.sleep(0.01)

    def records(self) -> list[Record]:
        """What has been recorded so far.

        Raises:
            VirtualBusError: this bus does not record.
        """
        if not self.record:
            raise VirtualBusError("this bus was started with record=None")
        return list(read_records(self.record))

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """One exchange over the side entrance.

        Raises:
            VirtualBusError: refused, or the process has gone.
        """
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_REPLY_TIMEOUT_S)
                connection.connect(self.settings.control)
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as answers:
                    line = answers.readline()
        except OSError as error:
            raise VirtualBusError(f"virtual bus {self.pid}: {error}; {self._log_end()}") from error
        if not line:
            raise VirtualBusError(f"virtual bus {self.pid} hung up; {self._log_end()}")
        answer = json.loads(line)
        if not answer.pop("ok"):
            raise VirtualBusError(answer["error"], reason=answer["reason"])
        return answer

    def close(self) -> None:
        """End the process and remove its files. Repeatable."""
        self._process.end(_STOP_TIMEOUT_S)
        self._process.close()
        self._folder.cleanup()

    def _read_banner(self) -> None:
        ready, _, _ = select.select([self._process.stdout], [], [], START_TIMEOUT_S)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self._process.kill()
            raise VirtualBusError(
                f"the virtual bus did not start within {START_TIMEOUT_S:g} s; {self._log_end()}"
            )
        banner = json.loads(line)
        self.port: str = banner["link"] or banner["port"]
        self.servos: list[dict[str, Any]] = banner["servos"]
        self.pid: int = banner["pid"]

    def _log_end(self) -> str:
        text = "\n".join(last_lines(self._log, LOG_TAIL_LINES)) if self._log.exists() else ""
        return f"the end of its log: {text!r}" if text else "its log is empty"
