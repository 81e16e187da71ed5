"""All verbs in one tree. Nothing heavy is imported until a verb runs."""

import importlib
import importlib.util
from typing import Annotated

import typer

import mbctl
from mbctl.cli import (
    bring_up,
    calibrate,
    curves,
    daemons,
    episode,
    listings,
    policy,
    refit,
    render,
    robot,
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

show = typer.Typer(help="Show configurations, learning curves, and what can be named.")
show.command("config")(daemons.show_config)
show.command("curves")(curves.show_curves)
show.command("robots")(listings.show_robots)
show.command("tasks")(listings.show_tasks)
show.command("algorithms")(listings.show_algorithms)
show.command("presets")(listings.show_presets)
show.command("planners")(listings.show_planners)
app.add_typer(show, name="show")

# Verbs of their own module with an `app` in it; such a module imports what it needs when it runs.
OPTIONAL_VERBS = ("bench",)

for _verb in OPTIONAL_VERBS:
    if importlib.util.find_spec(f"mbctl.cli.{_verb}") is not None:
        app.add_typer(importlib.import_module(f"mbctl.cli.{_verb}").app, name=_verb)


def _print_version(wanted: bool) -> None:
    if wanted:
        render.result(None, mbctl.__version__, False)
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
