"""mbctl robot: state, activation, faults, emergency stop, single joints and servos."""

import contextlib
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbctl.cli import connect, printer
from mbctl.cli.estop import DEFAULT_REASON, StopCommand, stop
from mbctl.cli.failures import reported
from mbctl.cli.options import (
    CONTROLLER_TARGET,
    ControllerTarget,
    Json,
    LeaseToken,
    StopReason,
    Take,
    Tls,
    Yes,
)

if TYPE_CHECKING:
    from services.client import ControllerClient, HeldLease

app = typer.Typer(help="State, activation, faults, emergency stop and servos of a robot.")

KEEP_S = 60.0
_LOOK_PERIOD_S = 0.2
_WITH_TORQUE = ("ACTIVE", "HOLD")


@app.command()
def status(
    target: ControllerTarget = CONTROLLER_TARGET,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Show what the robot, its loop, its policy and its spool are doing."""
    from mbctl.cli.status_text import status_text
    from services.client import as_plain

    with reported(as_json), connect.controller(target, tls) as client:
        at = client.caller.target
        for answer in client.watch_status(1.0) if watch else [client.status()]:
            printer.result({"target": at, **as_plain(answer)}, status_text(answer, at), as_json)


@app.command()
def activate(
    target: ControllerTarget = CONTROLLER_TARGET,
    hold: Annotated[
        bool, typer.Option("--hold", help="Keep it active until Ctrl-C, then deactivate.")
    ] = False,
    take: Take = False,
    yes: Yes = False,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Switch torque on; the goal is the present position, so nothing jumps.

    Without --hold the robot stays active for 60 s, or as long as commands with the printed --lease
    token go on. With --hold, torque goes off soon after this command has ended, however it did.
    """
    from services.client.lease import lease_window_s

    with reported(as_json), connect.controller(target, tls) as client:
        connect.confirm_motion(client, "switches torque on", yes)
        # Held, it ends soon after whoever holds it, be it that a terminal was closed.
        window_s = lease_window_s(client.status().clock) if hold else KEEP_S
        with client.lease(connect.owner_name("robot activate"), window_s, take) as lease:
            lifecycle = _lifecycle(client.activate(lease))
            answer = {"lifecycle": lifecycle, "lease": lease.token, "window_s": window_s}
            text = f"{lifecycle}; lease {lease.token} for {window_s:g} s"
            connect.answer(client, answer, text, as_json)
            if hold:
                keep_active(client, lease)
            else:
                lease.leave()


@app.command()
def deactivate(
    target: ControllerTarget = CONTROLLER_TARGET,
    lease_token: LeaseToken = "",
    take: Take = False,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Bring the robot to rest and switch torque off."""
    with (
        reported(as_json),
        connect.controller(target, tls) as client,
        connect.commanding(client, "robot deactivate", lease_token, take) as lease,
    ):
        _show_lifecycle(client, client.deactivate(lease), as_json)


# A negative angle looks like an option.
@app.command(context_settings={"ignore_unknown_options": True})
def jog(
    joint: Annotated[str, typer.Argument(help="Name of the joint, as in status --json.")],
    degrees: Annotated[float, typer.Argument(min=-30.0, max=30.0, help="By how much, -30 to 30.")],
    speed: Annotated[
        float, typer.Option(min=3.0, max=28.0, help="Degrees per second, 3 to 28.")
    ] = 6.0,
    target: ControllerTarget = CONTROLLER_TARGET,
    lease_token: LeaseToken = "",
    take: Take = False,
    yes: Yes = False,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Move one joint slowly while the others hold, to see that it is the right one.

    Without --lease the robot is activated for it and deactivated afterwards.
    """
    from services.client import as_plain

    with reported(as_json), connect.controller(target, tls) as client:
        connect.confirm_motion(client, f"moves {joint} by {degrees:g} degrees", yes)
        with _active(client, lease_token, take) as lease:
            moved = client.jog(lease, joint, math.radians(degrees), math.radians(speed))
    start, end = math.degrees(moved.start_rad), math.degrees(moved.position_rad)
    text = f"{joint} went from {start:.1f} to {end:.1f} degrees"
    connect.answer(client, as_plain(moved), text, as_json)


@app.command("reboot-servo")
def reboot_servo(
    joint: Annotated[str, typer.Argument(help="Joint whose servo has shut itself down.")] = "",
    latched: Annotated[
        bool, typer.Option("--all", help="Every servo that has latched an error.")
    ] = False,
    target: ControllerTarget = CONTROLLER_TARGET,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Restart one servo after an overload or another latched error, or all; torque stays off.

    At most 3 times in 10 minutes: find out first why it shut down, see mbctl robot status.
    """
    from services.client import as_plain

    if bool(joint) == latched:
        raise typer.BadParameter("name one joint, or give --all for every servo that latched")
    with reported(as_json), connect.controller(target, tls) as client:
        answer = client.reboot_latched_servos() if latched else client.reboot_servo(joint)
        connect.answer(client, as_plain(answer), _rebooted(answer), as_json)


def _rebooted(answer: Any) -> str:
    if not answer.joints:
        return f"no servo has latched an error, the robot is {_lifecycle(answer)}"
    verb = "is" if len(answer.joints) == 1 else "are"
    each = "" if len(answer.joints) == 1 else " of each"
    return (
        f"{', '.join(answer.joints)} {verb} back, the robot is {_lifecycle(answer)}; "
        f"{answer.reboots_left} reboots{each} left"
    )


@app.command("clear-fault")
def clear_fault(
    target: ControllerTarget = CONTROLLER_TARGET, tls: Tls = None, as_json: Json = False
) -> None:
    """Leave FAULT once its cause is gone; the robot ends INACTIVE."""
    with reported(as_json), connect.controller(target, tls) as client:
        _show_lifecycle(client, client.clear_fault(), as_json)


@app.command()
def estop(
    target: ControllerTarget = CONTROLLER_TARGET,
    reason: StopReason = DEFAULT_REASON,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Switch torque off now. Needs no lease; stays until release-estop.

    Without --target: every robot of this user on this machine; where there is none, the usual port.
    """
    with reported(as_json):
        code = stop(StopCommand(target, reason, tls, as_json))
    raise typer.Exit(code)


def estop_here(reason: StopReason = DEFAULT_REASON, as_json: Json = False) -> None:
    """Switch torque off now, of every robot of this user on this machine, by signal.

    Calls nobody and needs no network; stays until robot release-estop. For a robot elsewhere:
    robot estop --target.
    """
    with reported(as_json):
        code = stop(StopCommand(reason=reason, as_json=as_json, is_local=True))
    raise typer.Exit(code)


@app.command("release-estop")
def release_estop(
    target: ControllerTarget = CONTROLLER_TARGET, tls: Tls = None, as_json: Json = False
) -> None:
    """Leave E_STOPPED; the robot ends INACTIVE and nothing moves."""
    with reported(as_json), connect.controller(target, tls) as client:
        _show_lifecycle(client, client.release_emergency_stop(), as_json)


@contextlib.contextmanager
def _active(client: "ControllerClient", lease_token: str, take: bool) -> Iterator["HeldLease"]:
    """A lease and an active robot; one without a token of its own leaves it inactive."""
    with connect.commanding(client, "robot jog", lease_token, take) as lease:
        if lease_token:
            yield lease
            return
        client.activate(lease)
        try:
            yield lease
        finally:
            client.deactivate(lease)


def _show_lifecycle(client: "ControllerClient", answer: Any, as_json: bool) -> None:
    from services.client import as_plain

    connect.answer(client, as_plain(answer), _lifecycle(answer), as_json)


def _lifecycle(answer: Any) -> str:
    from services.client.plain import enum_word

    return enum_word(answer, "lifecycle")


def keep_active(client: "ControllerClient", lease: "HeldLease") -> None:
    """Return at Ctrl-C, with the robot deactivated.

    Raises:
        ServiceError: the lease was lost, or the robot has left ACTIVE: the reason is its fault's.
    """
    try:
        printer.note("active until Ctrl-C")
        while True:
            time.sleep(_LOOK_PERIOD_S)
            lease.check()
            _check_torque(client)
    except KeyboardInterrupt:
        from services.client.plain import enum_word

        printer.note(enum_word(client.deactivate(lease), "lifecycle"))


def _check_torque(client: "ControllerClient") -> None:
    from services.client.plain import enum_word
    from services.errors import ServiceError, refusal

    try:
        status = client.status()
    except ServiceError as error:
        if error.code.name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            return  # a busy machine: the lease's heartbeat tells for how long that may last
        raise
    lifecycle = enum_word(status, "lifecycle")
    if lifecycle in _WITH_TORQUE:
        return
    cause = f": {status.fault.message}" if status.fault.reason else ""
    ended = refusal("WRONG_LIFECYCLE", f"active no more, the robot is {lifecycle}{cause}")
    ended.reason = status.fault.reason or ended.reason
    ended.answered_by = client.caller.answered_by
    raise ended
