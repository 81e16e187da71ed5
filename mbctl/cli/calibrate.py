"""mbctl calibrate: measures joint angles; writes to servos only what it is asked to write."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from math import degrees
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbctl import exit_codes
from mbctl.cli import printer
from mbctl.cli.bring_up import (
    Baud,
    CalibrationFile,
    ControllerFile,
    Port,
    RobotModel,
    bus_errors,
    finding_text,
    target_of,
)
from mbctl.cli.options import Json

if TYPE_CHECKING:
    from hal.dynamixel.bus import ServoBus
    from services.bring_up.calibrate import Outcome
    from services.bring_up.configure import Change
    from services.bring_up.reference_pose import ReferencePose
    from services.bring_up.target import Target

Out = Annotated[Path | None, typer.Option("--out", help="Write the measured calibration there.")]
Pose = Annotated[
    Path | None,
    typer.Option("--pose", help="JSON, joint name to rad: the pose of a jig; else all at 0."),
]
MaxChange = Annotated[
    float,
    typer.Option("--max-change", min=0.1, max=180, help="Degrees; a larger one is refused."),
]
TorqueOff = Annotated[
    bool, typer.Option("--torque-off", help="Take torque off first; what it holds up falls.")
]
Configure = Annotated[
    bool, typer.Option("--configure", help="Put the servos' settings right, in EEPROM and RAM.")
]
WriteLimits = Annotated[
    bool, typer.Option("--write-limits", help="Put the joints' travel into the servos as limits.")
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask; the robot stands in the pose already.")
]


def calibrate(
    config: ControllerFile = None,
    robot: RobotModel = "",
    port: Port = "",
    baud: Baud = 0,
    calibration: CalibrationFile = None,
    out: Out = None,
    pose: Pose = None,
    max_change: MaxChange = 20.0,
    torque_off: TorqueOff = False,
    configure: Configure = False,
    write_limits: WriteLimits = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Measure where the joints are in a known pose, beside the calibration until now.

    Without --out nothing is written anywhere: that shows drift. --torque-off, --configure and
    --write-limits do just that, in this order, and measure only if --out is given too. Exit code 4
    when angles are further off than --max-change, or a servo refuses.
    """
    with bus_errors(as_json):
        from hal.dynamixel.port_users import refuse_shared_port
        from services.bring_up.session import opened_bus

        target = target_of(config, robot, port, baud, calibration)
        job = _Job(target, yes, pose, max_change)
        with opened_bus(target.port, target.baud_rate) as bus:
            if torque_off:
                job.take_torque_off(bus)
            if configure or write_limits or out or not torque_off:
                refuse_shared_port(target.port)
            if configure:
                job.configure(bus)
            if out or not (torque_off or configure or write_limits):
                job.measure(bus, out)
            if write_limits and job.is_good:
                job.write_limits(bus)
        printer.result(job.plain, "\n".join(job.lines), as_json)
    if not job.is_good:
        raise typer.Exit(exit_codes.FAULT)


class _Job:
    """The parts of one call, with what they found so far."""

    def __init__(self, target: "Target", yes: bool, pose: Path | None, max_change: float) -> None:
        self.plain: dict[str, Any] = {"robot": target.robot, "port": target.port}
        self.lines: list[str] = []
        self.is_good = True
        self._target = target
        self._yes = yes
        self._pose = pose
        self._max_change = max_change

    def take_torque_off(self, bus: "ServoBus") -> None:
        from hal.dynamixel.relax import torque_off

        agree("takes torque off every servo: what they hold up falls", self._yes)
        unconfirmed = list(torque_off(bus, self._target.required_ids))
        self.plain["torque_off_unconfirmed"] = unconfirmed
        if unconfirmed:
            self.is_good = False
            self.lines.append(f"not confirmed by servos {unconfirmed}: switch their supply off")
        else:
            self.lines.append("torque is off everywhere")

    def configure(self, bus: "ServoBus") -> None:
        from services.bring_up.configure import plan_settings, write_settings
        from services.bring_up.readout import read_servos

        readouts = read_servos(bus, self._target)
        changes = plan_settings(readouts)
        if self._agreed("settings", changes):
            write_settings(bus, changes, readouts, self._target, printer.note)
            self._written("settings", changes)

    def write_limits(self, bus: "ServoBus") -> None:
        from services.bring_up.configure import plan_limits, write_changes
        from services.bring_up.readout import read_servos

        readouts = read_servos(bus, self._target)
        changes = plan_limits(readouts, self._target)
        if self._agreed("limits", changes):
            write_changes(bus, changes, readouts, printer.note)
            self._written("limits", changes)

    def _agreed(self, what: str, changes: "Sequence[Change]") -> bool:
        """Show what would be written and ask; False where there is nothing to write."""
        self.plain[what] = [asdict(change) for change in changes]
        if not changes:
            self.lines.append(f"{what}: as they should be, nothing written")
            return False
        rows = [(c.name, c.servo_id, c.register, c.present, c.wanted) for c in changes]
        printer.note(printer.table(("joint", "servo", "register", "now", "to be"), rows))
        agree(f"writes {len(changes)} registers of the servos", self._yes)
        return True

    def _written(self, what: str, changes: "Sequence[Change]") -> None:
        self.lines.append(f"{what}: {len(changes)} registers written and read back")

    def measure(self, bus: "ServoBus", out: Path | None) -> None:
        from services.bring_up.calibrate import drift_finding
        from services.bring_up.finding import Level
        from services.bring_up.reference_pose import described_pose, load_pose

        robot = self._target.robot
        pose = load_pose(robot, self._pose) if self._pose else described_pose(robot)
        outcome = _measured(bus, self._target, pose, self._yes)
        finding = drift_finding(
            outcome, self._target, change_max_deg=self._max_change, is_kept=out is not None
        )
        self.is_good = finding.level is not Level.FAIL
        self.plain["joints"] = [asdict(change) for change in outcome.changes]
        self.plain["findings"] = [finding.plain()]
        self.lines += [_table(outcome), finding_text(finding)]
        if self.is_good:
            self._take(outcome, out)

    def _take(self, outcome: "Outcome", out: Path | None) -> None:
        from hal.dynamixel.calibration import save_calibration

        self.plain["calibration"] = outcome.calibration.version
        if out is None:
            return
        if out.exists():
            agree(f"replaces {out}", self._yes)
        save_calibration(outcome.calibration, out)
        self._target = replace(self._target, calibration=outcome.calibration, calibration_path=out)
        self.plain["written"] = str(out)
        self.lines.append(
            f"wrote {out} ({outcome.calibration.version}); the controller takes it as "
            f'robot.calibration = "{out}"'
        )


def _measured(bus: "ServoBus", target: "Target", pose: "ReferencePose", yes: bool) -> "Outcome":
    """Measure until the person at the robot is content; at once with --yes."""
    from services.bring_up.calibrate import calibrate as compute
    from services.bring_up.measure import measure_positions, require_limp, require_rest

    servo_ids = [joint.servo_id for joint in target.calibration.joints]
    require_limp(bus, servo_ids)
    if not yes:
        require_terminal("measures a pose that a person sets")
        printer.note(f"{pose.instruction}\n")
    while True:
        standing = measure_positions(bus, servo_ids)
        if not yes:
            outcome = compute(target.calibration, pose, standing)
            printer.note(_table(outcome))
        if yes or typer.confirm("Take this? (n measures again, Ctrl-C stops)", err=True):
            require_rest(standing)
            return compute(target.calibration, pose, standing)


def _table(outcome: "Outcome") -> str:
    rows = [
        (
            c.name,
            c.servo_id,
            f"{c.ticks:.1f}",
            c.spread_ticks,
            f"{degrees(c.reference_rad):.1f}",
            f"{c.change_deg:+.1f}",
        )
        for c in outcome.changes
    ]
    return printer.table(("joint", "servo", "ticks", "+-", "pose, deg", "off by, deg"), rows)


def agree(what: str, yes: bool) -> None:
    """Go on only if the operator says so, or has said --yes."""
    if yes:
        printer.note(f"this {what}")
        return
    require_terminal(what)
    if not typer.confirm(f"This {what}. Go on?", err=True):
        raise typer.Exit(exit_codes.USAGE)


def require_terminal(what: str) -> None:
    """Nobody can be asked without a terminal."""
    if not sys.stdin.isatty():
        printer.note(f"error: this {what}: pass --yes where nobody can be asked")
        raise typer.Exit(exit_codes.USAGE)
