"""mbctl bench errors and shift: how wrong models are, and what a changed world does to learners."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mbctl import exit_codes
from mbctl.cli import render
from mbctl.cli.bench_frame import benchmark_reported, one_thread
from mbctl.cli.bench_learning import curves_text
from mbctl.cli.options import Json

if TYPE_CHECKING:
    from mbctl.study.errors.slopes import SlopeError
    from mbctl.study.errors.study import StageMean
    from mbctl.study.recovery import ShiftResult

Seeds = Annotated[int, typer.Option(min=1, max=100, help="Runs of each.")]
Processes = Annotated[int, typer.Option(min=0, max=256, help="Runs at a time; 0: one per core.")]
Tasks = Annotated[list[str], typer.Option("--task", help="May be given several times.")]
Algorithms = Annotated[
    list[str],
    typer.Option("--algorithm", help="NAME[:PRESET][,SETTING=VALUE...]; may be given again."),
]


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
    with benchmark_reported(as_json):
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
    render.result(plain, "\n\n".join(texts), as_json)
    if failed:
        raise typer.Exit(exit_codes.START_UP)


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
    from mbctl.study.curves.plan import Rhythm, parse_variant, plan_runs
    from mbctl.study.recovery import run_shift
    from mbctl.study.shift import Shift

    with benchmark_reported(as_json):
        rhythm = Rhythm(
            samples=samples,
            evaluate_every=evaluate_every,
            episodes=episodes,
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
        results = run_shift(plans, out, processes or (os.cpu_count() or 1), render.note)
    plain = [result.plain() for result in results]
    render.result(plain, "\n\n".join(shift_text(result) for result in results), as_json)
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
    from mbctl.study.curves.plan import Rhythm, parse_variant, plan_runs
    from mbctl.study.errors.study import run_look_ahead

    samples, stage, episodes = sizes
    rhythm = Rhythm(
        samples=samples, evaluate_every=stage, episodes=20, final_episodes=20, keep_stages=True
    )
    variants = [parse_variant(text) for text in algorithm]
    plans = plan_runs(task, variants, range(seeds), rhythm)
    workers = processes or (os.cpu_count() or 1)
    result = run_look_ahead(plans, out, workers, episodes, render.note)
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
    found, files = run_slopes(tasks, range(seeds), out, sizes, render.note)
    plain["slopes"], plain["slope_files"] = [asdict(error) for error in found], files
    texts.extend([slopes_text(found), "\n".join(files.values())])


def errors_of(mean: "StageMean") -> tuple[float, ...]:
    """Open and closed loop, over the look-ahead and at its end."""
    return mean.open_loop, mean.closed_loop, mean.open_end, mean.closed_end


def look_ahead_text(means: "Sequence[StageMean]") -> str:
    """Errors over the look-ahead, for people."""
    headings = ("task", "algorithm", "samples", "seeds", "column", "open", "closed", "open, end")
    rows = [(m.task, m.variant, m.samples, m.seeds, m.column, *errors_of(m)) for m in means]
    return render.table((*headings, "closed, end"), rows)


def slopes_text(errors: "list[SlopeError]") -> str:
    """Errors of derivatives, for people."""
    headings = ("task", "seed", "rows", "fit", "prediction error", "gradient error")
    rows = [(e.task, e.seed, e.rows, e.loss, e.prediction, e.gradient) for e in errors]
    return render.table(headings, rows)


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
            *(render.measured(r.metric, value) for value in (r.before, r.lowest, r.last)),
            f"{r.learned} of {r.seeds}",
            f"{r.recovered} of {r.seeds}",
            "-" if r.samples is None else r.samples,
        )
        for r in result.recoveries
    ]
    return render.table(headings, rows) + "\n\n" + curves_text(result.curves)
