"""All verbs in one tree. Nothing heavy is imported until a verb runs."""

import importlib
import importlib.util
from typing import Annotated

import typer

import mbctl
from mbctl.cli import (
    bring_up,
    calibrate,
    daemons,
    episode,
    policy,
    printer,
    refit,
    robot,
    show,
    up,
    virtual_bus,
)

app = typer.Typer(
    name="mbctl",
    help="Runs learned, model-based policies on a robot and keeps learning from it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(up.up)
app.command("controller")(daemons.controller)
app.command("trainer")(daemons.trainer)
app.command("refit")(refit.refit)
app.command("virtual-bus")(virtual_bus.virtual_bus)
app.command("doctor")(bring_up.doctor)
app.command("scan")(bring_up.scan)
app.command("calibrate")(calibrate.calibrate)
app.command("estop")(robot.estop_here)
app.add_typer(robot.app, name="robot")
app.add_typer(episode.app, name="episode")
app.add_typer(policy.app, name="policy")

shown = typer.Typer(help="Show configurations, learning curves, and what can be named.")
shown.command("config")(daemons.show_config)
shown.command("curves")(show.show_curves)
shown.command("robots")(show.show_robots)
shown.command("tasks")(show.show_tasks)
shown.command("algorithms")(show.show_algorithms)
shown.command("presets")(show.show_presets)
shown.command("planners")(show.show_planners)
shown.command("subscribers")(show.show_subscribers)
app.add_typer(shown, name="show")

# Verbs of their own module with an `app` in it; such a module imports what it needs when it runs.
OPTIONAL_VERBS = ("bench",)

for _verb in OPTIONAL_VERBS:
    if importlib.util.find_spec(f"mbctl.cli.{_verb}") is not None:
        app.add_typer(importlib.import_module(f"mbctl.cli.{_verb}").app, name=_verb)


def _print_version(wanted: bool) -> None:
    if wanted:
        printer.result(None, mbctl.__version__, False)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Runs learned, model-based policies on a robot and keeps learning from it."""
