"""mbctl policy: which version the robot runs, and which one is promoted."""

from typing import Annotated

import typer

from mbctl.cli import connect, printer
from mbctl.cli.failures import reported
from mbctl.cli.options import (
    CONTROLLER_TARGET,
    TRAINER_TARGET,
    ControllerTarget,
    Json,
    Tls,
    TrainerTarget,
)

app = typer.Typer(help="List, load, promote and roll back policy versions.")

Version = Annotated[int | None, typer.Argument(min=1, help="Version to pin.")]


@app.command("list")
def list_policies(
    target: ControllerTarget = CONTROLLER_TARGET, tls: Tls = None, as_json: Json = False
) -> None:
    """List the versions this controller has, and why some are refused."""
    from services.client import as_plain

    with reported(as_json), connect.controller(target, tls) as client:
        found = client.policies()
    rows = [(p.version, p.loaded, p.usable, p.refusal) for p in found]
    human = printer.table(("version", "loaded", "usable", "refusal"), rows)
    connect.answer(client, [as_plain(policy) for policy in found], human, as_json)


@app.command()
def load(
    version: Version = None,
    target: ControllerTarget = CONTROLLER_TARGET,
    follow: Annotated[
        str, typer.Option(help="latest or promoted: follow it from now on, in place of a version.")
    ] = "",
    at_step: Annotated[
        bool, typer.Option("--at-step", help="Swap between two steps, not two episodes.")
    ] = False,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Pin a version on the robot, or follow the trainer."""
    from mbctl.config import ConfigError
    from services.client import as_plain

    with reported(as_json):
        if (version is None) == (not follow) or follow not in ("", "latest", "promoted"):
            raise ConfigError("give a VERSION to pin, or --follow latest, or --follow promoted")
        with connect.controller(target, tls) as client:
            answer = client.load_policy(version or 0, follow, at_step)
    human = f"version {answer.version} (was {answer.previous_version})"
    connect.answer(client, as_plain(answer), human, as_json)


@app.command()
def promote(
    version: Annotated[int, typer.Argument(min=1, help="Version to promote.")],
    target: TrainerTarget = TRAINER_TARGET,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Mark a version as promoted at the trainer."""
    from services.client import as_plain

    with reported(as_json), connect.trainer(target, tls) as client:
        answer = client.promote(version)
    text = f"version {answer.version} is promoted"
    connect.answer(client, as_plain(answer), text, as_json)


@app.command()
def rollback(
    target: ControllerTarget = CONTROLLER_TARGET, tls: Tls = None, as_json: Json = False
) -> None:
    """Go back to the version the robot ran before, and pin it."""
    from services.client import as_plain

    with reported(as_json), connect.controller(target, tls) as client:
        answer = client.roll_back_policy()
    human = f"version {answer.version} (was {answer.previous_version})"
    connect.answer(client, as_plain(answer), human, as_json)
