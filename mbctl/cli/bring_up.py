"""mbctl doctor, mbctl scan: what keeps a real robot from moving; nothing is written to it."""

import contextlib
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbctl import exit_codes
from mbctl.cli import printer
from mbctl.cli.failures import reported
from mbctl.cli.options import Json

if TYPE_CHECKING:
    from services.bring_up.doctor import Report
    from services.bring_up.finding import Finding
    from services.bring_up.scan import Sighting
    from services.bring_up.target import Target

RobotModel = Annotated[str, typer.Option("--robot", help="Robot model; dclaw when not said.")]
Port = Annotated[
    str,
    typer.Option(
        "--port",
        envvar="MBCTL_PORT",
        help="Serial port, best from /dev/serial/by-id; the only one there is when not said.",
    ),
]
Baud = Annotated[int, typer.Option("--baud", min=0, help="Bits per second; 1000000 when not said.")]
CalibrationFile = Annotated[
    Path | None, typer.Option("--calibration", help="File that mbctl calibrate wrote.")
]
ControllerFile = Annotated[
    Path | None,
    typer.Option("--config", help="Take robot, port, baud rate and calibration from there."),
]

_COLOURS = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}
_INDENT = 23


def doctor(
    config: ControllerFile = None,
    robot: RobotModel = "",
    port: Port = "",
    baud: Baud = 0,
    calibration: CalibrationFile = None,
    as_json: Json = False,
) -> None:
    """Look at machine, port, bus and servos; say what is wrong and what to type about it.

    Writes nothing to the servos. Exit code 4 when something is found with which the robot must not
    or cannot move, 0 otherwise.
    """
    with bus_errors(as_json):
        from services.bring_up.doctor import examine

        report = examine(
            target_of(config, robot, port, baud, calibration, find_port=False), printer.note
        )
        printer.result(report.plain(), report_text(report), as_json)
    if not report.is_fit:
        raise typer.Exit(exit_codes.FAULT)


def scan(
    robot: RobotModel = "",
    port: Port = "",
    baud: Annotated[
        list[int] | None, typer.Option("--baud", help="Only this rate; repeatable.")
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also ask each id by itself: 15 s for each rate.")
    ] = False,
    table: Annotated[
        int | None, typer.Option("--table", min=0, max=252, help="Show all registers of one servo.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find servos by id and baud rate. Writes nothing; exit code 5 when nobody answers."""
    with bus_errors(as_json):
        from hal.dynamixel.port_users import port_users
        from services.bring_up import scan as scanner
        from services.bring_up.session import shared_port_finding

        target = target_of(None, robot, port, 0, None)
        path, rates = target.port, tuple(baud or scanner.SCAN_BAUD_RATES)
        users = port_users(path)
        if table is not None:
            _show_table(path, rates, table, as_json)
            return
        found = scanner.scan(path, rates, thorough=thorough, say=printer.note)
        plain = {
            "port": path,
            "other_readers": [asdict(user) for user in users],
            "servos": [_plain(s, target) for s in found],
        }
        text = _sightings_text(found, target, rates, is_shared=bool(users))
        shared = f"{finding_text(shared_port_finding(users, path))}\n" if users else ""
        printer.result(plain, shared + text, as_json)
    if not found:
        raise typer.Exit(exit_codes.UNREACHABLE)


@contextlib.contextmanager
def bus_errors(as_json: bool) -> Iterator[None]:
    """What goes wrong on the way to the servos as a message and an exit code."""
    from hal.dynamixel.calibration import CalibrationError
    from hal.dynamixel.errors import PortError
    from hal.errors import HalError, UnknownRobotError
    from services.bring_up.reference_pose import ReferencePoseError

    with reported(as_json):
        try:
            yield
        except (CalibrationError, ReferencePoseError, UnknownRobotError) as error:
            code, number = "INVALID_ARGUMENT", exit_codes.USAGE
            printer.failure(code, error.reason, str(error), as_json)
        except PortError as error:
            code, number = "UNAVAILABLE", exit_codes.UNREACHABLE
            printer.failure(code, error.reason, str(error), as_json)
        except HalError as error:
            code, number = "FAILED_PRECONDITION", exit_codes.FAULT
            printer.failure(code, error.reason, str(error), as_json)
        else:
            return
    raise typer.Exit(number)


def target_of(
    config: Path | None,
    robot: str,
    port: str,
    baud: int,
    calibration: Path | None,
    *,
    find_port: bool = True,
) -> "Target":
    """The target that the options say; with `find_port`, the only port where none is said.

    Raises:
        PortError: no port, or several.
    """
    from services.bring_up.choose import choose_target
    from services.bring_up.serial_ports import require_port

    target = choose_target(config, robot, port, baud, calibration)
    return replace(target, port=require_port(target.port)) if find_port else target


def report_text(report: "Report") -> str:
    """A report for people: a line for each finding, below it what to do."""
    return "\n".join([*map(finding_text, report.findings), "", *report.summary()])


def finding_text(finding: "Finding") -> str:
    """A finding for people."""
    return "\n".join(_finding_lines(finding))


def _finding_lines(finding: "Finding") -> Iterator[str]:
    """Messages are wrapped to a terminal; what is to be typed stays in one piece."""
    level = typer.style(f"{finding.level.value:<4}", fg=_COLOURS[finding.level.value])
    is_terminal = sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, 2 * _INDENT) if is_terminal else 10_000
    first, *rest = textwrap.wrap(finding.message, width - _INDENT) or [""]
    yield f"{level if is_terminal else finding.level.value:<4}  {finding.subject:<15}  {first}"
    yield from (" " * _INDENT + line for line in rest)
    if finding.remedy:
        yield f"{' ' * _INDENT}-> {finding.remedy}"


def _show_table(port: str, rates: Sequence[int], servo_id: int, as_json: bool) -> None:
    from services.bring_up.table_dump import dump_table

    dump = dump_table(port, rates, servo_id)
    rows = [
        (r.address, r.size, r.access.value, r.name, value, r.default)
        for r, value in dump.rows
        if value != r.default or not r.name.startswith("indirect")
    ]
    head = ("address", "bytes", "access", "register", "value", "default")
    title = f"servo {servo_id}, {dump.model_name}, at {dump.baud_rate} baud"
    printer.result(dump.plain(), f"{title}\n{printer.table(head, rows)}", as_json)


def _plain(sighting: "Sighting", target: "Target") -> dict[str, object]:
    from services.bring_up.presence_findings import model_name

    return {
        "id": sighting.servo_id,
        "baud_rate": sighting.baud_rate,
        "model_number": sighting.model_number,
        "model": model_name(sighting.model_number),
        "firmware": sighting.firmware,
        "joint": target.name_of(sighting.servo_id),
    }


def _sightings_text(
    found: Sequence["Sighting"], target: "Target", rates: Sequence[int], *, is_shared: bool
) -> str:
    if not found:
        where = f"on {target.port} at {', '.join(map(str, rates))} baud"
        if is_shared:
            return f"no answer was left {where}"
        return f"nobody answers {where}: is the servos' supply on, and the first plug in?"
    plain = [_plain(sighting, target) for sighting in found]
    rows = [tuple(servo.values()) for servo in plain]
    head = ("id", "baud", "model", "", "firmware", f"{target.robot}'s joint")
    return f"{printer.table(head, rows)}{_other_robot(found, target)}"


def _other_robot(found: Sequence["Sighting"], target: "Target") -> str:
    """A line that says so where the joints in the table are those of another robot."""
    from hal.robots.registry import other_model_of

    there = [sighting.servo_id for sighting in found]
    known = [servo.servo_id for servo in target.servos]
    model = other_model_of(there, target.required_ids, known)
    return f"\nthese ids are a {model}'s: mbctl scan --robot {model}" if model else ""
