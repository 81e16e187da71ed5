"""python -m sim.servo_bus: one virtual bus until SIGTERM; the first line on stdout says where."""

import argparse
import contextlib
import json
import os
import sys
from dataclasses import MISSING, fields
from pathlib import Path

import mujoco

from hal.child import leave_terminal_to_parent
from hal.errors import HalError
from hal.realtime import apply_realtime
from hal.stdio import never_wait_for_readers
from sim.servo_bus.bus import VirtualBus
from sim.servo_bus.commands import Commands
from sim.servo_bus.control_socket import ControlSocket
from sim.servo_bus.fault_kinds import FaultError, parse_fault
from sim.servo_bus.process import catching_stop_signals, claim_names, run_bus
from sim.servo_bus.settings import VirtualBusSettings
from sim.servo_bus.state import banner
from sim.servo_bus.tracker_feed import TrackerFeed

EXIT_USAGE = 2
EXIT_START_UP = 3
_NICENESS = -15


def main(arguments: list[str]) -> int:
    """Run a bus; the exit code."""
    never_wait_for_readers()
    try:
        settings = VirtualBusSettings(**vars(_parser().parse_args(arguments)))
    except HalError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    os.umask(0o077)  # control socket and recording are this user's alone
    # Without a handler MuJoCo appends each warning to a file in the working directory.
    mujoco.set_mju_user_warning(lambda _message: None)  # pyright: ignore[reportAttributeAccessIssue]  # no stubs
    try:
        with catching_stop_signals() as stop:
            if settings.stop_with_stdin:  # the robot is stopped before its servos go
                leave_terminal_to_parent()
            _serve(settings, stop)
    except (HalError, OSError) as error:
        sys.stderr.write(f"the virtual bus cannot start: {error}\n")
        return EXIT_START_UP
    return 0


def _serve(settings: VirtualBusSettings, stop: int) -> None:
    with contextlib.ExitStack() as stack:
        named = {
            "port link": settings.port_link,
            "control socket": settings.control,
            "recording": settings.record,
        }
        claim_names(named, stack)
        bus = VirtualBus(settings)
        stack.callback(bus.close)
        commands = Commands(bus)
        for request in _initial_faults(settings.faults):
            commands.strike(parse_fault(request))
        control = ControlSocket(settings.control, commands)
        stack.callback(control.close)
        feed = None
        if settings.tracker_udp:
            feed = TrackerFeed(settings.tracker_udp, bus.plant, bus.clock.now_ns())
            stack.callback(feed.close)
        _keep_time()
        sys.stdout.write(json.dumps(banner(bus, control.path, os.getpid())) + "\n")
        sys.stdout.flush()
        run_bus(bus, control, feed, stop)


def _keep_time() -> None:
    """Real-time measures where they are allowed, else a better priority.

    Servos do not share a processor with their host; this comes close to that.
    """
    if not apply_realtime().fifo_scheduling:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def _initial_faults(path: str) -> list[dict[str, object]]:
    if not path:
        return []
    try:
        if not Path(path).is_file():  # a pipe would be waited for
            raise FaultError(f"{path} is no file")
        faults = json.loads(Path(path).read_text())
    except ValueError as error:
        raise FaultError(f"{path} is not JSON: {error}") from error
    if not isinstance(faults, list) or not all(isinstance(one, dict) for one in faults):
        raise FaultError(f"{path}: expected a list of objects such as {{'fault': 'drop'}}")
    return faults


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sim.servo_bus", description=__doc__)
    for field in fields(VirtualBusSettings):
        flag = "--" + field.name.replace("_", "-")
        assert field.default is not MISSING
        if isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            parser.add_argument(flag, type=type(field.default), default=field.default)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
