"""The controller daemon's service process: builds its parts, serves until a signal, drains."""

import asyncio
import contextlib
import os
from functools import partial
from pathlib import Path

import structlog

from mbctl import exit_codes
from mbctl.config import ControllerConfig
from mbctl.data.private_files import write_whole
from mbctl.exit_codes import StartUpError
from services.controller import paths
from services.controller.control_channel import ControlError
from services.controller.files import open_files
from services.controller.lease import LeaseGuard
from services.controller.parts import (
    EPISODE_SERVICE,
    ROBOT_SERVICE,
    Parts,
    build_parts,
    build_servicings,
)
from services.controller.patience import patience_of
from services.controller.report import ControllerCollector
from services.controller.signal_stop import SignalStop, StopSignal
from services.daemon import run_until_signalled
from services.daemon_name import DaemonName, announce
from services.errors import refusal
from services.server import GrpcServer, build_server
from services.telemetry import begin_logging, serve_metrics

LOOK_S = 0.2
GRACE_S = 0.3

log = structlog.get_logger()


def run_controller(config: ControllerConfig, log_file: Path | None = None) -> int:
    """Run the controller until a signal; returns its exit code.

    Args:
        log_file: in place of stderr; it is rotated by size.

    Raises:
        StartUpError: the log file cannot be opened.
    """
    stop_signal = StopSignal()  # before logging begins a thread
    begin_logging("controller", log_file)
    drain_s = patience_of(config.clock).drain_s
    return run_until_signalled(lambda stop: _serve(config, stop, stop_signal), drain_s)


async def _serve(config: ControllerConfig, stop: asyncio.Event, stop_signal: StopSignal) -> int:
    async with contextlib.AsyncExitStack() as stack:
        files = open_files(config, stack)
        parts = build_parts(config, files, stack)
        daemon = DaemonName("controller", config.robot.name, config.trainer)
        server = build_server(
            config.listen,
            build_servicings(parts),
            config.tls,
            interceptors=[LeaseGuard(parts.lease)],
            daemon=daemon,
        )
        announcement = announce(daemon, config.run_dir, stack)
        joint_names = files.task.robot.joint_names
        SignalStop(stop_signal, parts.supervisor, joint_names, announcement).start()
        collector = ControllerCollector(parts.view, files.spool)
        stack.callback(serve_metrics(config.metrics_listen, collector, config.tls))
        if not await _start_control(parts, stop):
            return exit_codes.OK
        for work in parts.works():
            parts.background.keep(work)
        parts.background.start(asyncio.to_thread(files.spool.check_contents, stop.is_set))
        await server.start()  # says that all services serve; what follows says what is true
        parts.background.keep(partial(_look_after, parts, server))
        address = config.run_dir / paths.ADDRESS_FILE
        write_whole(address, server.address)
        announcement.serve(server.address)
        stack.callback(address.unlink, missing_ok=True)
        log.info("controller_serving", address=server.address, pid=os.getpid())
        try:
            return await _until_stopped(parts, stop)
        finally:
            await _drain(parts, server)


async def _start_control(parts: Parts, stop: asyncio.Event) -> bool:
    """Start the control process; False where somebody asked to stop meanwhile."""
    starting = asyncio.ensure_future(parts.supervisor.start())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if stop.is_set():
        await _end_start(parts, starting)
        return False
    try:
        await starting
    except (ControlError, ValueError) as error:  # ValueError: settings it would not take
        raise StartUpError(f"the control process does not start: {error}") from error
    return True


async def _end_start(parts: Parts, starting: asyncio.Future[None]) -> None:
    """Whatever has been started stops its robot and ends."""
    parts.supervisor.give_up_start()
    await asyncio.wait((starting,))
    starting.exception()  # why it did not start is nobody's concern any more
    await parts.supervisor.stop()


async def _look_after(parts: Parts, server: GrpcServer) -> None:
    """What has to be looked at rather than waited for; every LOOK_S, for ever."""
    loop = asyncio.get_running_loop()
    deadline = loop.time()
    serving = {ROBOT_SERVICE: True, EPISODE_SERVICE: True}
    while True:
        parts.supervisor.look()
        cannot_store = parts.files.spool.refusal
        if cannot_store is not None:
            parts.batches.cancel(cannot_store)
        alive = parts.view.alive
        able = {ROBOT_SERVICE: alive, EPISODE_SERVICE: alive and cannot_store is None}
        for service in (name for name in able if able[name] != serving[name]):
            await server.set_serving(service, able[service])
        serving = able
        deadline = max(deadline + LOOK_S, loop.time())
        await asyncio.sleep(deadline - loop.time())


async def _until_stopped(parts: Parts, stop: asyncio.Event) -> int:
    """Wait for the signal; a part that failed for good ends the daemon with a fault."""
    stopped = asyncio.ensure_future(stop.wait())
    ends = [stopped, parts.background.failed, parts.supervisor.broken]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if parts.background.failed.done():
        parts.background.failed.result()  # raises what failed
    if parts.supervisor.broken.done():
        log.error("controller_broken", message=parts.supervisor.broken.result())
        return exit_codes.FAULT
    return exit_codes.OK


async def _drain(parts: Parts, server: GrpcServer) -> None:
    parts.robot.draining = True
    await server.drain()
    if not await parts.supervisor.stop():
        log.error("drain_incomplete", message="rows were left in memory")
    draining = refusal("DRAINING", "the controller is shutting down")
    parts.batches.fail(draining)
    parts.operations.fail_all(draining)
    await server.stop(GRACE_S)
    await parts.background.stop()
