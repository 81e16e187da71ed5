"""mbctl up: trainer, controller and a robot together, until a budget of samples."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbctl import exit_codes
from mbctl.cli import live, printer
from mbctl.cli.failures import reported, start_up_reported
from mbctl.cli.options import Assignments, CheckConfig, Json

if TYPE_CHECKING:
    from services.up.plan import Plan
    from services.up.run import Announcement
    from services.up.run_dir import RunDir

REACHED = (
    ("samples", "samples"),
    ("episodes", "episodes"),
)
TAKEN = (
    ("wall time, s", "wall_s"),
    ("processor time, s", "cpu_s"),
)
FILES = (
    ("curve", "curve_png"),
    ("its numbers", "curve_csv"),
    ("versions", "versions_dir"),
    ("database", "database"),
)


def up(
    task: Annotated[str, typer.Option(help="Task to learn.")] = "dclaw-turn-random",
    algorithm: Annotated[str, typer.Option(help="Algorithm to learn with.")] = "pal",
    samples: Annotated[int, typer.Option(min=1, help="Training rows to collect.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Of robot and learner.")] = 0,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="Resumed if it holds this very run.")
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            help="mujoco: the simulated robot; virtual-bus: simulated servos on a serial bus; "
            "dynamixel: the real robot, with --set controller.robot.port=..."
        ),
    ] = "mujoco",
    preset: Annotated[str, typer.Option(help="Settings of the algorithm: default, paper.")] = (
        "default"
    ),
    clock: Annotated[
        str,
        typer.Option(help="lockstep: as fast as it can, the default with mujoco; wall: real time."),
    ] = "",
    device: Annotated[
        str, typer.Option(help="Of learner and planner: cpu, cuda, cuda:1; auto: a GPU if any.")
    ] = "cpu",
    assignments: Assignments = None,
    check_config: CheckConfig = False,
    as_json: Json = False,
) -> None:
    """Start a trainer, a controller and a robot, and learn until SAMPLES rows are collected.

    Ctrl-C once stops cleanly; the same command resumes. Twice is an emergency stop.
    """
    with reported(as_json):
        from services.up.plan import Choices, make_plan
        from services.up.run_dir import RunDir

        directory = RunDir(run_dir or Path("runs") / f"{task}-{algorithm}")
        chosen = Choices(
            task, algorithm, preset, samples, seed, directory.path, backend, clock, device
        )
        plan = make_plan(chosen, assignments or ())
        directory.check(plan)
    if check_config:
        from services.controller.start_checks import check_controller, check_twin
        from services.trainer.start_checks import check_trainer

        with start_up_reported(as_json):
            check_trainer(plan.trainer)
            check_controller(plan.controller)
            if plan.controller.robot.backend == "virtual-bus":
                check_twin(plan.controller)
        printer.result(plan.model_dump(mode="json"), "configuration is valid", as_json)
        return
    raise typer.Exit(_run(plan, directory, as_json))


def _run(plan: "Plan", directory: "RunDir", as_json: bool) -> int:
    """Learn; however it ends before the budget is used, say how to go on."""
    from mbctl.exit_codes import StartUpError
    from services.up.process import DaemonDiedError
    from services.up.run import StartFailedError
    from services.up.stop import StopNow

    complete = False
    try:
        with reported(as_json):
            summary = _learn(plan, directory)
        complete = summary["complete"]
        printer.result(summary, _summary_text(summary), as_json)
        return exit_codes.OK
    except (StartUpError, StartFailedError) as error:
        printer.failure("START_UP", "START_UP_FAILED", str(error), as_json)
        return exit_codes.START_UP
    except DaemonDiedError as error:
        printer.failure("FAULT", "DAEMON_DIED", str(error), as_json)
        start_up = error.exit_code == exit_codes.START_UP
        return exit_codes.START_UP if start_up else exit_codes.FAULT
    except StopNow as stop:
        printer.failure("FAULT", "STOPPED_TWICE", _emergency_text(stop.is_off), as_json)
        return exit_codes.FAULT
    finally:
        if not complete and directory.plan.exists():
            _say_how_to_resume()


def _emergency_text(is_off: bool | None) -> str:
    if is_off is None:
        return "stopped twice, before the robot had torque"
    if is_off:
        return "emergency stop; the robot is off"
    return (
        "emergency stop; the controller did not confirm that torque is off: "
        "switch the servos' supply off"
    )


def _learn(plan: "Plan", directory: "RunDir") -> dict[str, Any]:
    from services.up.run import Run
    from services.up.stop import StopSignals

    learner = plan.trainer.algorithm
    title = f"{plan.trainer.task.name}, {learner.name} ({learner.preset}), seed {plan.trainer.seed}"
    display = live.display(title)
    with StopSignals(display.acknowledge_stop) as signals:  # before anybody sees that it starts
        printer.note(
            f"{title}\nrun directory {directory.path}, logs in logs/; starting both daemons"
        )
        return Run(plan, directory, _announce, display).run(signals)


def _announce(known: "Announcement") -> None:
    resumed = ", resuming" if known.resumed else ""
    printer.note(f"controller {known.controller}, trainer {known.trainer}{resumed}")
    printer.note(
        f"from a second shell: mbctl robot status --target {shlex.quote(known.controller)}"
    )


def _say_how_to_resume() -> None:
    printer.note(f"to resume: {shlex.join(['mbctl', *sys.argv[1:]])}")


def _summary_text(summary: dict[str, Any]) -> str:
    head = "done" if summary["complete"] else "stopped before the end"
    rows = [(label, summary[key]) for label, key in REACHED]
    rows.append(("last evaluation", _evaluation_text(summary)))
    rows += [(label, summary[key]) for label, key in TAKEN]
    rows += [(label, summary[key]) for label, key in FILES if summary[key]]
    return f"{head}\n{printer.key_values(rows)}"


def _evaluation_text(summary: dict[str, Any]) -> str:
    if not summary["evaluation_episodes"]:
        return "not evaluated yet"
    return (
        f"success {printer.percent(summary['success'])} of {summary['evaluation_episodes']} "
        f"episodes, return {summary['return']:.1f}, version {summary['policy_version']} at "
        f"{summary['evaluation_samples']} samples"
    )
