"""The control process from its start to its end: whatever happens, the robot is stopped."""

import argparse
import contextlib
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict

from pydantic import ValidationError

from hal.child import leave_terminal_to_parent
from hal.errors import HalError, ReasonedError
from hal.realtime import RealTimeReport, apply_realtime
from hal.robot import Robot
from hal.stdio import never_wait_for_readers
from hal.stop_signals import StopRequests
from mbctl.policies.manifest import row_layout
from mbctl.tasks.task import Task
from services.controller.control.exit_codes import CRASHED, START_FAILED
from services.controller.control.robots import build_robot
from services.controller.control.service_link import Event, ServiceLink
from services.controller.control.settings import ControlSettings
from services.controller.control.wiring import (
    build_clock,
    build_link,
    build_loop,
    build_task,
    period_of,
)
from services.controller.patience import service_timeout_of
from services.ipc.byte_ring import ByteRing
from services.ipc.segment import SegmentError, SharedSegment
from services.ipc.words import SignalWords, Word

_STDIN = 0
_SETTINGS_BYTES_MAX = 1 << 20
_FORBIDDEN_MODULES = ("torch", "grpc")  # each would cost the loop its timing


def main(arguments: Sequence[str] | None = None) -> int:
    """Attach to the segment, read the settings from stdin, run the loop; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.controller.control")
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the shared memory")
    parser.add_argument("--plan-fds", type=int, nargs=2, help="eventfds of the planner's exchange")
    never_wait_for_readers()
    leave_terminal_to_parent()
    ending = StopRequests()
    signal.signal(signal.SIGTERM, lambda *_: ending.take())
    given = parser.parse_args(arguments)
    descriptor = given.fd
    plan_fds = None if given.plan_fds is None else (given.plan_fds[0], given.plan_fds[1])
    try:
        segment = SharedSegment.attach(descriptor)
    except (SegmentError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return START_FAILED
    try:
        settings = ControlSettings.model_validate_json(_read_line(_STDIN))
        task = build_task(settings)
        clock = build_clock(settings)
        robot = build_robot(settings.robot, period_of(settings, task), clock)
        robot.configure()
    except (HalError, ValueError) as error:
        _report_failed_start(segment, error)
        return START_FAILED
    with robot:
        link = build_link(segment, settings, task, _STDIN, plan_fds)
        loop = build_loop(settings, task, robot, clock, link)
        signal.signal(signal.SIGTERM, lambda *_: ending.take() and loop.terminate())
        if ending.count:
            loop.terminate()
        report = _apply_realtime(settings)
        try:
            return loop.run(_started(robot, task, settings, report))
        except BaseException as error:  # noqa: BLE001 - outermost frame: torque must not stay on
            failed = _stop_after_crash(robot, segment)
            _report_crash(link, error, failed)
            return CRASHED


def _read_line(descriptor: int) -> bytes:
    """The first line; unbuffered, because what follows are wake-ups for the loop."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < _SETTINGS_BYTES_MAX:
        byte = os.read(descriptor, 1)
        if not byte:
            break
        line += byte
    return bytes(line)


def _apply_realtime(settings: ControlSettings) -> RealTimeReport:
    if settings.loop.realtime and settings.clock == "wall":
        return apply_realtime()
    # A lockstep loop under FIFO scheduling would never let another process run.
    gc.collect()
    gc.freeze()
    return RealTimeReport(False, False, False, True)


def _started(robot: Robot, task: Task, settings: ControlSettings, report: RealTimeReport) -> Event:
    return {
        "pid": os.getpid(),
        "real_time": asdict(report),
        "modules": sorted(set(_FORBIDDEN_MODULES) & sys.modules.keys()),
        "backend": robot.backend,
        "calibration_version": robot.calibration_version,
        "joint_names": list(robot.spec.joint_names),
        "layout_hash": row_layout(task).hash,
        "period_s": period_of(settings, task),
        "service_timeout_s": service_timeout_of(settings),
        "settings": settings.model_dump(mode="json"),
        "episode_steps": task.episode_steps,
    }


def _report_failed_start(segment: SharedSegment, error: HalError | ValueError) -> None:
    reason = error.reason if isinstance(error, ReasonedError) else "BAD_SETTINGS"
    message = str(error)
    if isinstance(error, ValidationError):
        message = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        )
    event = {"type": "start_failed", "reason": reason, "message": message, "rows_total": 0}
    ByteRing(segment.events).try_push(json.dumps(event).encode())


def _stop_after_crash(robot: Robot, segment: SharedSegment) -> tuple[str, ...]:
    """Torque off; the joints that did not confirm it. Raises nothing that could hide the crash."""
    try:
        return robot.deactivate()
    except Exception:  # noqa: BLE001 - then nothing is confirmed
        return robot.spec.joint_names
    finally:
        SignalWords(segment.words).set(Word.STOPPED, 1)


def _report_crash(link: ServiceLink, error: BaseException, failed: tuple[str, ...]) -> None:
    trace = "".join(traceback.format_exception(error))
    with contextlib.suppress(Exception):  # nobody takes events any more: the trace is in the log
        link.emit({"type": "crashed", "message": trace[-4000:], "torque_off_failed": list(failed)})
    sys.stderr.write(trace)
