"""mbctl refit: ask the trainer for a refit now."""

from typing import Annotated, Any

import typer

from mbctl.cli import connect, printer
from mbctl.cli.failures import reported
from mbctl.cli.options import TRAINER_TARGET, Json, Tls, TrainerTarget


def refit(
    target: TrainerTarget = TRAINER_TARGET,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until the end.")] = False,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Refit the dynamics model and improve the policy on all rows; publishes a new version."""
    from services.client import as_plain

    with reported(as_json), connect.trainer(target, tls) as client:
        operation = client.refit()
        if not wait:
            connect.answer(client, {"operation": operation.name}, operation.name, as_json)
            return
        response = _follow(operation)
        text = _version_text(response.version)
        connect.answer(client, as_plain(response.version), text, as_json)


def _follow(operation: Any) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<8}"), BarColumn(), TextColumn("{task.fields[seen]}"))
    try:
        with Progress(*columns, TimeElapsedColumn(), console=printer.console()) as progress:
            task = progress.add_task("WAITING", total=1.0, seen="")
            for metadata in operation.updates():
                progress.update(
                    task,
                    description=metadata.phase,
                    completed=1.0 if operation.done else metadata.fraction,
                    seen=_detail(metadata),
                )
    except KeyboardInterrupt:
        printer.note("cancelling the refit")
        operation.cancel()
        return operation.wait()
    return operation.result()


def _detail(metadata: Any) -> str:
    if metadata.phase == "IMPROVE" and metadata.improve_steps:
        return f"step {metadata.improve_step}/{metadata.improve_steps}"
    if metadata.epochs:
        return f"epoch {metadata.epoch}/{metadata.epochs}, loss {metadata.model_loss:.4g}"
    return ""


def _version_text(version: Any) -> str:
    metrics = printer.key_values(sorted(version.metrics.items()))
    return f"version {version.version}, trained on {version.train_rows} rows\n{metrics}"
