"""mbctl controller, mbctl trainer: the two daemons; mbctl show config: what they would run with."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from mbctl.cli import printer
from mbctl.cli.failures import reported, start_up_reported
from mbctl.cli.options import Assignments, CheckConfig, Json

if TYPE_CHECKING:
    from mbctl.config import ControllerConfig, TrainerConfig

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML or JSON file; see mbctl show config.")
]
Listen = Annotated[
    str, typer.Option("--listen", help="host:port or unix:PATH in place of the configured one.")
]
Parent = Annotated[
    int, typer.Option("--parent", hidden=True, help="Stop when this process has gone.")
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log-file", help="Log to this file, rotated by size, in place of stderr."),
]


def controller(
    config: ConfigFile = None,
    check_config: CheckConfig = False,
    listen: Listen = "",
    assignments: Assignments = None,
    log_file: LogFile = None,
    parent: Parent = 0,
    as_json: Json = False,
) -> None:
    """Run the controller daemon: owns one robot, serves episodes, streams rows to the trainer."""
    resolved = _controller_config(config, listen, assignments, as_json)
    if check_config:
        from services.controller.start_checks import check_controller

        with start_up_reported(as_json):
            check_controller(resolved)
        _show(resolved, as_json)
        return
    _stop_with(parent)
    from services.controller.daemon import run_controller

    _end_with(lambda: run_controller(resolved, log_file), as_json)


def trainer(
    config: ConfigFile = None,
    check_config: CheckConfig = False,
    listen: Listen = "",
    assignments: Assignments = None,
    log_file: LogFile = None,
    parent: Parent = 0,
    as_json: Json = False,
) -> None:
    """Run the trainer daemon: stores rows durably, learns, publishes policy versions."""
    resolved = _trainer_config(config, listen, assignments, as_json)
    if check_config:
        from services.trainer.start_checks import check_trainer

        with start_up_reported(as_json):
            check_trainer(resolved)
        _show(resolved, as_json)
        return
    _stop_with(parent)
    from services.trainer.daemon import run_trainer

    _end_with(lambda: run_trainer(resolved, log_file=log_file), as_json)


def show_config(
    daemon: Annotated[str, typer.Argument(help="controller or trainer")],
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Print the resolved configuration of a daemon as JSON; it can be used with --config."""
    if daemon not in ("controller", "trainer"):
        raise typer.BadParameter(f"{daemon!r}: expected controller or trainer")
    resolve = _controller_config if daemon == "controller" else _trainer_config
    resolved = resolve(config, "", assignments, False)
    printer.result(None, resolved.model_dump_json(indent=2), False)


def _controller_config(
    path: Path | None, listen: str, assignments: list[str] | None, as_json: bool
) -> "ControllerConfig":
    from mbctl.config import load_controller

    with reported(as_json):
        return load_controller(path, _with_listen(assignments, listen), defaults=_defaults())


def _trainer_config(
    path: Path | None, listen: str, assignments: list[str] | None, as_json: bool
) -> "TrainerConfig":
    from mbctl.config import load_trainer

    with reported(as_json):
        return load_trainer(path, _with_listen(assignments, listen), defaults=_defaults())


def _end_with(run: Callable[[], int], as_json: bool) -> NoReturn:
    """Exit as the daemon does."""
    with start_up_reported(as_json):
        raise typer.Exit(run())


def _defaults() -> dict[str, object]:
    return {"task": {"name": "dclaw-turn-random"}, "run_dir": "runs/default"}


def _with_listen(assignments: list[str] | None, listen: str) -> list[str]:
    return [*(assignments or ()), *([f"listen={listen}"] if listen else ())]


def _show(resolved: "ControllerConfig | TrainerConfig", as_json: bool) -> None:
    printer.result(resolved.model_dump(mode="json"), "configuration is valid", as_json)


def _stop_with(parent: int) -> None:
    """Have the kernel send SIGTERM when `parent`, which started this process, ends."""
    from hal.child import end_with_parent

    if parent and not end_with_parent(signal.SIGTERM, parent):
        raise typer.Exit(0)
