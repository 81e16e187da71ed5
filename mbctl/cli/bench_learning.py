"""mbctl bench curves: how many samples which algorithm takes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbctl import exit_codes
from mbctl.cli import render
from mbctl.cli.bench_frame import benchmark_reported, one_thread
from mbctl.cli.options import Json

if TYPE_CHECKING:
    from mbctl.study.curves.study import CurvesResult
    from mbctl.study.curves.table import Mean, Reached

Count = Annotated[int, typer.Option(min=1)]


def curves(
    task: Annotated[list[str], typer.Option("--task", help="May be given several times.")],
    algorithm: Annotated[
        list[str],
        typer.Option(
            "--algorithm", help="NAME[:PRESET][,SETTING=VALUE...]; may be given several times."
        ),
    ],
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Runs of each.")] = 3,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of the seeds.")] = 0,
    samples: Annotated[int, typer.Option(min=1, help="Training rows of each run.")] = 20_000,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Samples between looks.")] = 2_500,
    episodes: Annotated[int, typer.Option(min=1, max=1000, help="Of a look on the way.")] = 20,
    final_episodes: Annotated[int, typer.Option(min=1, max=1000, help="Of the last look.")] = 100,
    out: Annotated[Path, typer.Option(help="Holds the runs and what they found.")] = Path("curves"),
    processes: Annotated[
        int, typer.Option(min=0, max=256, help="Runs at a time; 0 is one for each core.")
    ] = 0,
    only_report: Annotated[
        bool, typer.Option("--only-report", help="Tables and picture of what there is; no runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Learning curves of tasks x algorithms x seeds, beside the papers' values.

    Runs go on where they were stopped, finished ones are not repeated: give the same --out.
    """
    one_thread()
    from mbctl.study.curves.plan import Rhythm, parse_variant, plan_runs
    from mbctl.study.curves.study import report, run_curves

    with benchmark_reported(as_json):
        rhythm = Rhythm(
            samples=samples,
            evaluate_every=evaluate_every,
            episodes=episodes,
            final_episodes=final_episodes,
        )
        variants = [parse_variant(text) for text in algorithm]
        plans = plan_runs(task, variants, range(first_seed, first_seed + seeds), rhythm)
        if only_report:
            result = report(plans, out)
        else:
            result = run_curves(plans, out, processes or (os.cpu_count() or 1), render.note)
    render.result(result.plain(), curves_text(result), as_json)
    if result.failures:
        raise typer.Exit(exit_codes.START_UP)


def curves_text(result: "CurvesResult") -> str:
    """What learning curves found, for people."""
    headings = ("task", "algorithm", "samples", "seeds", "success", "+-", "return", "+-", "CPU s")
    last = render.table(headings, [_last_cells(mean) for mean in result.last])
    headings = ("task", "algorithm", "threshold", "reached by", "samples, median", "least", "most")
    reached = render.table(headings, [_reached_cells(found) for found in result.reached])
    failed = "\n".join(f"failed: {f.plan.title}: {f.message}" for f in result.failures)
    files = "\n".join(result.files.values())
    return "\n\n".join(part for part in (last, reached, failed, files) if part)


def _last_cells(mean: "Mean") -> tuple[object, ...]:
    where = mean.task, mean.variant, mean.samples, mean.seeds
    success = render.percent(mean.success), render.percent(mean.success_std)
    return (*where, *success, mean.return_mean, mean.return_std, mean.cpu_s)


def _reached_cells(found: "Reached") -> tuple[object, ...]:
    share = f"{found.reached} of {found.seeds}"
    threshold = render.measured(found.metric, found.threshold)
    samples = ("-" if v is None else v for v in (found.median, found.least, found.most))
    return (found.task, found.variant, f"{found.metric} {threshold}", share, *samples)
