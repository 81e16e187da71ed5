"""mbctl bench: performance figures, each beside its baseline of the same run."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mbctl import exit_codes
from mbctl.cli import printer
from mbctl.cli.failures import reported
from mbctl.cli.options import Json

if TYPE_CHECKING:
    from mbctl.study.curves.study import CurvesResult
    from mbctl.study.curves.table import Mean, Reached
    from mbctl.study.errors.slopes import SlopeError
    from mbctl.study.errors.study import StageMean
    from mbctl.study.recovery import ShiftResult
    from services.bench.report import Figure, Report

app = typer.Typer(
    help="Measure performance, side by side with a baseline in the same run.",
    no_args_is_help=True,
)

Quick = Annotated[
    bool, typer.Option("--quick", help="A fraction of the time: shows that it works, no more.")
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", min=1, max=600, help="Length of each of the runs.")
]
Seeds = Annotated[int, typer.Option(min=1, max=100, help="Runs of each.")]
Processes = Annotated[int, typer.Option(min=0, max=256, help="Runs at a time; 0: one per core.")]
Tasks = Annotated[list[str], typer.Option("--task", help="May be given several times.")]
Algorithms = Annotated[
    list[str],
    typer.Option(
        "--algorithm", help="NAME[:PRESET][,SETTING=VALUE...]; may be given several times."
    ),
]


def one_thread() -> None:
    """Before torch or a library under NumPy is imported, for this process and its children."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


@contextlib.contextmanager
def _reported(as_json: bool) -> Iterator[None]:
    """A part that does not run is an exit code and a message; Ctrl-C is 130."""
    from services.bench.failures import FAILURES

    try:
        with reported(as_json):
            yield
    except FAILURES as error:
        printer.failure("ABORTED", "BENCHMARK_FAILED", str(error), as_json)
        raise typer.Exit(exit_codes.START_UP) from error


@app.command()
def micro(quick: Quick = False, as_json: Json = False) -> None:
    """Policy step, model step, imagined rollout, policy at batch 1, start-up."""
    one_thread()
    from services.bench.micro import QUICK, MicroSizes, run_micro

    with _reported(as_json):
        _show(run_micro(QUICK if quick else MicroSizes(), _say, quick), as_json)


@app.command()
def loop(quick: Quick = False, seconds: Seconds = None, as_json: Json = False) -> None:
    """Lateness at 100 Hz while the trainer learns: own process against thread in the learner."""
    one_thread()
    from services.bench.loop import QUICK, LoopSizes, run_loop

    sizes = QUICK if quick else LoopSizes()
    with _reported(as_json):
        _show(run_loop(sizes if seconds is None else sizes.lasting(seconds), _say, quick), as_json)


@app.command()
def ingest(quick: Quick = False, as_json: Json = False) -> None:
    """Durable rows per second and bytes per row over gRPC: chunks against single rows."""
    one_thread()
    from services.bench.ingest import QUICK, IngestSizes, run_ingest

    with _reported(as_json):
        _show(run_ingest(QUICK if quick else IngestSizes(), _say, quick), as_json)


@app.command()
def bus(quick: Quick = False, seconds: Seconds = None, as_json: Json = False) -> None:
    """Servo bus at 100 Hz and at its limit, on virtual servos: ours against the maker's client."""
    one_thread()
    from services.bench.bus import QUICK, BusSizes, run_bus

    sizes = QUICK if quick else BusSizes()
    with _reported(as_json):
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
    with _reported(as_json):
        _show(
            run_stop(sizes if count is None else StopSizes.of(count), _say, quick, journal), as_json
        )


@app.command()
def curves(
    task: Tasks,
    algorithm: Algorithms,
    seeds: Seeds = 3,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of the seeds.")] = 0,
    samples: Annotated[int, typer.Option(min=1, help="Training rows of each run.")] = 20_000,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Samples between looks.")] = 2_500,
    episodes: Annotated[int, typer.Option(min=1, max=1000, help="Of a look on the way.")] = 20,
    final_episodes: Annotated[int, typer.Option(min=1, max=1000, help="Of the last look.")] = 100,
    out: Annotated[Path, typer.Option(help="Holds the runs and what they found.")] = Path("curves"),
    processes: Processes = 0,
    device: Annotated[
        str, typer.Option(help="Of all runs: cpu, cuda, cuda:1; auto: a GPU if there is one.")
    ] = "cpu",
    only_report: Annotated[
        bool, typer.Option("--only-report", help="Tables and picture of what there is; no runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Learning curves of tasks x algorithms x seeds, beside the papers' values.

    Runs go on where they were stopped, finished ones are not repeated: give the same --out.
    """
    one_thread()
    from mbctl.study.curves.plan import StudyRhythm, parse_variant, plan_runs
    from mbctl.study.curves.study import report, run_curves
    from services.start_checks import check_device

    with _reported(as_json):
        rhythm = StudyRhythm(
            samples=samples,
            evaluate_every=evaluate_every,
            evaluation_episodes=episodes,
            final_episodes=final_episodes,
        )
        variants = [parse_variant(text) for text in algorithm]
        some = range(first_seed, first_seed + seeds)
        plans = plan_runs(task, variants, some, rhythm, device=device)
        check_device("--device", device)
        if only_report:
            result = report(plans, out)
        else:
            result = run_curves(plans, out, processes or (os.cpu_count() or 1), printer.note)
    printer.result(result.plain(), curves_text(result), as_json)
    if result.failures:
        raise typer.Exit(exit_codes.START_UP)


@app.command()
def errors(
    only: Annotated[
        Literal["look-ahead", "slopes"] | None, typer.Option(help="One of the two parts.")
    ] = None,
    task: Tasks = ["dclaw-turn-random"],  # noqa: B006 - typer copies it
    algorithm: Algorithms = ["pal", "mal"],  # noqa: B006
    seeds: Seeds = 3,
    samples: Annotated[int, typer.Option(min=1, help="Training rows of each run.")] = 60_000,
    stage: Annotated[int, typer.Option(min=1, help="Samples between two stages.")] = 20_000,
    episodes: Annotated[int, typer.Option(min=1, max=1000, help="Measured at a stage.")] = 50,
    slope_task: Annotated[
        list[str], typer.Option("--slope-task", help="Of the slopes; with a true step.")
    ] = ["gym/Pendulum-v1", "gym/InvertedPendulum-v5"],  # noqa: B006
    quick: Annotated[bool, typer.Option("--quick", help="Small models, few rows.")] = False,
    out: Annotated[Path, typer.Option(help="Holds the runs and what they found.")] = Path("errors"),
    processes: Processes = 0,
    as_json: Json = False,
) -> None:
    """Model errors over the look-ahead (PAL, MAL) and of derivatives (DDPPO).

    Look-ahead: learns like `bench curves`, and measures the learner at each stage, open and closed
    loop. Slopes: with DDPPO's gradient loss and without, against the truth.
    """
    one_thread()
    plain: dict[str, object] = {}
    texts: list[str] = []
    with _reported(as_json):
        failed = False
        if only != "look-ahead":
            from mbctl.study.errors.study import check_slope_tasks

            check_slope_tasks(slope_task)  # not after hours of the other part
        if only != "slopes":
            failed = _look_ahead(
                task, algorithm, seeds, (samples, stage, episodes), out, processes, plain, texts
            )
        if only != "look-ahead":
            _slopes(slope_task, seeds, out, quick, plain, texts)
    printer.result(plain, "\n\n".join(texts), as_json)
    if failed:
        raise typer.Exit(exit_codes.START_UP)


@app.command()
def shift(
    kind: Annotated[
        Literal["dynamics", "goals", "both"], typer.Option(help="What changes; both in turn.")
    ] = "both",
    task: Tasks = ["dclaw-turn-random"],  # noqa: B006
    algorithm: Algorithms = ["pal:paper", "mal:paper"],  # noqa: B006
    seeds: Seeds = 3,
    samples: Annotated[int, typer.Option(min=1, help="Training rows of each run.")] = 40_000,
    at: Annotated[int, typer.Option(min=1, help="Samples before the change.")] = 20_000,
    link_length: Annotated[float, typer.Option(min=0.1, max=3, help="Factor.")] = 1.15,
    object_damping: Annotated[float, typer.Option(min=0.1, max=100, help="Factor.")] = 1.0,
    actuator_strength: Annotated[float, typer.Option(min=0.1, max=10, help="Factor.")] = 1.0,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Samples between looks.")] = 1_000,
    episodes: Annotated[int, typer.Option(min=1, max=1000, help="Of a look.")] = 20,
    out: Annotated[Path, typer.Option(help="Holds the runs and what they found.")] = Path("shift"),
    processes: Processes = 0,
    as_json: Json = False,
) -> None:
    """Learners whose robot, or whose goals, change half-way: who recovers first.

    The learner is told nothing. Presets that draw fresh goals in imagination know all goals before;
    the default ones do, those of the paper do not.
    """
    one_thread()
    from mbctl.study.curves.plan import StudyRhythm, parse_variant, plan_runs
    from mbctl.study.recovery import run_shift
    from mbctl.study.shift import Shift

    with _reported(as_json):
        rhythm = StudyRhythm(
            samples=samples,
            evaluate_every=evaluate_every,
            evaluation_episodes=episodes,
            final_episodes=episodes,
        )
        factors = {
            "link_length": link_length,
            "object_damping": object_damping,
            "actuator_strength": actuator_strength,
        }
        shifts = []
        if kind != "goals":
            shifts.append(Shift(kind="dynamics", at=at, **factors))
        if kind != "dynamics":
            shifts.append(Shift(kind="goals", at=at))
        variants = [parse_variant(text) for text in algorithm]
        plans = [
            plan
            for change in shifts
            for plan in plan_runs(task, variants, range(seeds), rhythm, change)
        ]
        results = run_shift(plans, out, processes or (os.cpu_count() or 1), printer.note)
    plain = [result.plain() for result in results]
    printer.result(plain, "\n\n".join(shift_text(result) for result in results), as_json)
    if any(result.curves.failures for result in results):
        raise typer.Exit(exit_codes.START_UP)


def _look_ahead(
    task: list[str],
    algorithm: list[str],
    seeds: int,
    sizes: tuple[int, int, int],
    out: Path,
    processes: int,
    plain: dict[str, object],
    texts: list[str],
) -> bool:
    """Adds what it finds; returns whether a run failed."""
    from mbctl.study.curves.plan import StudyRhythm, parse_variant, plan_runs
    from mbctl.study.errors.study import run_look_ahead

    samples, stage, episodes = sizes
    rhythm = StudyRhythm(
        samples=samples,
        evaluate_every=stage,
        evaluation_episodes=20,
        final_episodes=20,
        keep_stages=True,
    )
    variants = [parse_variant(text) for text in algorithm]
    plans = plan_runs(task, variants, range(seeds), rhythm)
    workers = processes or (os.cpu_count() or 1)
    result = run_look_ahead(plans, out, workers, episodes, printer.note)
    plain.update(result.plain())
    failed = [f"failed: {f.plan.title}: {f.message}" for f in result.failures]
    texts.extend([look_ahead_text(result.means), *failed, "\n".join(result.files.values())])
    return bool(result.failures)


def _slopes(
    tasks: list[str],
    seeds: int,
    out: Path,
    quick: bool,
    plain: dict[str, object],
    texts: list[str],
) -> None:
    from dataclasses import asdict

    from mbctl.study.errors.slopes import QUICK, SlopeSizes
    from mbctl.study.errors.study import run_slopes

    sizes = QUICK if quick else SlopeSizes()
    found, files = run_slopes(tasks, range(seeds), out, sizes, printer.note)
    plain["slopes"], plain["slope_files"] = [asdict(error) for error in found], files
    texts.extend([slopes_text(found), "\n".join(files.values())])


def _say(what: str) -> None:
    printer.note(f"measuring: {what}")


def _show(report: "Report", as_json: bool) -> None:
    text = report_text(report)
    if as_json:
        printer.note(text)
    printer.result(report.plain(), text, as_json)


def report_text(report: "Report") -> str:
    """A report for people."""
    headings = ("figure", "value", "unit", "baseline", "value", "ratio", "goal", "reached")
    table = printer.table(headings, [_cells(figure) for figure in report.figures])
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
        part for part in (table, printer.key_values([*about, *details]), notes) if part
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
        return ", ".join(f"{key} {printer.cell(item)}" for key, item in value.items())
    return value


def curves_text(result: "CurvesResult") -> str:
    """What learning curves found, for people."""
    headings = ("task", "algorithm", "samples", "seeds", "success", "+-", "return", "+-", "CPU s")
    last = printer.table(headings, [_last_cells(mean) for mean in result.last])
    headings = ("task", "algorithm", "threshold", "reached by", "samples, median", "least", "most")
    reached = printer.table(headings, [_reached_cells(found) for found in result.reached])
    failed = "\n".join(f"failed: {f.plan.title}: {f.message}" for f in result.failures)
    files = "\n".join(result.files.values())
    return "\n\n".join(part for part in (last, reached, failed, files) if part)


def _last_cells(mean: "Mean") -> tuple[object, ...]:
    where = mean.task, mean.variant, mean.samples, mean.seeds
    success = printer.percent(mean.success), printer.percent(mean.success_std)
    return (*where, *success, mean.return_mean, mean.return_std, mean.cpu_s)


def _reached_cells(found: "Reached") -> tuple[object, ...]:
    share = f"{found.reached} of {found.seeds}"
    threshold = printer.measured(found.metric, found.threshold)
    samples = ("-" if v is None else v for v in (found.median, found.least, found.most))
    return (found.task, found.variant, f"{found.metric} {threshold}", share, *samples)


def errors_of(mean: "StageMean") -> tuple[float, ...]:
    """Open and closed loop, over the look-ahead and at its end."""
    return mean.open_loop, mean.closed_loop, mean.open_end, mean.closed_end


def look_ahead_text(means: "Sequence[StageMean]") -> str:
    """Errors over the look-ahead, for people."""
    headings = ("task", "algorithm", "samples", "seeds", "column", "open", "closed", "open, end")
    rows = [(m.task, m.variant, m.samples, m.seeds, m.column, *errors_of(m)) for m in means]
    return printer.table((*headings, "closed, end"), rows)


def slopes_text(errors: "list[SlopeError]") -> str:
    """Errors of derivatives, for people."""
    headings = ("task", "seed", "rows", "fit", "prediction error", "gradient error")
    rows = [(e.task, e.seed, e.rows, e.loss, e.prediction, e.gradient) for e in errors]
    return printer.table(headings, rows)


def shift_text(result: "ShiftResult") -> str:
    """Recoveries, for people; then what learning curves say."""
    headings = (
        *("task", "algorithm", "changed", "before", "lowest", "last"),
        *("learned", "recovered", "samples"),
    )
    rows = [
        (
            r.task,
            r.variant,
            r.kind,
            *(printer.measured(r.metric, value) for value in (r.before, r.lowest, r.last)),
            f"{r.learned} of {r.seeds}",
            f"{r.recovered} of {r.seeds}",
            "-" if r.samples is None else r.samples,
        )
        for r in result.recoveries
    ]
    return printer.table(headings, rows) + "\n\n" + curves_text(result.curves)
