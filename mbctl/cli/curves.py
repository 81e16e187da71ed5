"""mbctl show curves: several runs in one table and one picture."""

from pathlib import Path
from typing import Annotated

import typer

from mbctl.cli import render


def show_curves(
    runs: Annotated[list[Path], typer.Argument(help="Run directories of mbctl up.")],
    out: Annotated[Path, typer.Option(help="Writes OUT.csv and OUT.png.")] = Path("curves"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the paths as JSON.")] = False,
) -> None:
    """Put the learning curves of several runs side by side."""
    from mbctl.comparison import draw_runs, read_runs, write_table

    try:
        curves = read_runs(runs)
        table, picture = out.with_suffix(".csv"), out.with_suffix(".png")
        write_table(curves, table)
        draw_runs(curves, picture)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    paths = {"csv": str(table), "png": str(picture)}
    render.result(paths, f"wrote {table} and {picture}", as_json)
