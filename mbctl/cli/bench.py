"""mbctl bench: performance figures, each beside its baseline of the same run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbctl.cli import bench_errors, bench_learning, render
from mbctl.cli.bench_frame import benchmark_reported, one_thread
from mbctl.cli.options import Json

if TYPE_CHECKING:
    from services.bench.report import Figure, Report

app = typer.Typer(
    help="Measure performance, side by side with a baseline in the same run.",
    no_args_is_help=True,
)
app.command("curves")(bench_learning.curves)
app.command("errors")(bench_errors.errors)
app.command("shift")(bench_errors.shift)

Quick = Annotated[
    bool, typer.Option("--quick", help="A fraction of the time: shows that it works, no more.")
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", min=1, max=600, help="Length of each of the runs.")
]


@app.command()
def micro(quick: Quick = False, as_json: Json = False) -> None:
    """Policy step, model step, imagined rollout, policy at batch 1, start-up."""
    one_thread()
    from services.bench.micro import QUICK, MicroSizes, run_micro

    with benchmark_reported(as_json):
        _show(run_micro(QUICK if quick else MicroSizes(), _say, quick), as_json)


@app.command()
def loop(quick: Quick = False, seconds: Seconds = None, as_json: Json = False) -> None:
    """Lateness at 100 Hz while the trainer learns: own process against thread in the learner."""
    one_thread()
    from services.bench.loop import QUICK, LoopSizes, run_loop

    sizes = QUICK if quick else LoopSizes()
    with benchmark_reported(as_json):
        _show(run_loop(sizes if seconds is None else sizes.lasting(seconds), _say, quick), as_json)


@app.command()
def ingest(quick: Quick = False, as_json: Json = False) -> None:
    """Durable rows per second and bytes per row over gRPC: chunks against single rows."""
    one_thread()
    from services.bench.ingest import QUICK, IngestSizes, run_ingest

    with benchmark_reported(as_json):
        _show(run_ingest(QUICK if quick else IngestSizes(), _say, quick), as_json)


@app.command()
def bus(quick: Quick = False, seconds: Seconds = None, as_json: Json = False) -> None:
    """Servo bus at 100 Hz and at its limit, on virtual servos: ours against the maker's client."""
    one_thread()
    from services.bench.bus import QUICK, BusSizes, run_bus

    sizes = QUICK if quick else BusSizes()
    with benchmark_reported(as_json):
        _show(run_bus(sizes if seconds is None else sizes.lasting(seconds), _say, quick), as_json)


@app.command()
def stop(
    quick: Quick = False,
    count: Annotated[
        int | None, typer.Option("--count", min=3, max=10_000, help="Kills, and emergency stops.")
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", help="File of trials: those in it count and are not repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Time to standstill after SIGKILL and emergency stops, on virtual servos."""
    one_thread()
    from services.bench.stop import QUICK, StopSizes, run_stop

    sizes = QUICK if quick else StopSizes()
    with benchmark_reported(as_json):
        _show(
            run_stop(sizes if count is None else StopSizes.of(count), _say, quick, journal), as_json
        )


def _say(what: str) -> None:
    render.note(f"measuring: {what}")


def _show(report: "Report", as_json: bool) -> None:
    text = report_text(report)
    if as_json:
        render.note(text)
    render.result(report.plain(), text, as_json)


def report_text(report: "Report") -> str:
    """A report for people."""
    headings = ("figure", "value", "unit", "baseline", "value", "ratio", "goal", "reached")
    table = render.table(headings, [_cells(figure) for figure in report.figures])
    about: list[tuple[str, object]] = [
        ("yardstick", f"{report.yardstick_gflops:.1f} GFLOP/s (512x512x512 float32, one thread)"),
        ("processor", f"{report.before.processor}, {report.before.cores} cores"),
        (
            "load average",
            f"{report.before.load_average:.1f}, {report.after.load_average:.1f} after",
        ),
        ("cores used by others", report.before.cores_used_by_others(report.after)),
    ]
    details = [(name, _flat(value)) for name, value in report.details.items()]
    notes = "\n".join(f"* {note}" for note in report.notes)
    return "\n\n".join(
        part for part in (table, render.key_values([*about, *details]), notes) if part
    )


def _cells(figure: "Figure") -> tuple[object, ...]:
    goal = "" if figure.goal is None else f"{figure.goal.kind} {figure.goal.bound:g}"
    return (
        figure.name,
        figure.value,
        figure.unit,
        figure.baseline_name,
        figure.baseline,
        "" if figure.ratio is None else figure.ratio,
        goal,
        "" if figure.reached is None else figure.reached,
    )


def _flat(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{key} {render.cell(item)}" for key, item in value.items())
    return value
