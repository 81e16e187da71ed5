"""The learning curves of several runs side by side: one table, one picture."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mbctl.results import NAMES, CurvePoint, read_points


@dataclass(frozen=True)
class RunCurve:
    """One run.

    Attributes:
        label: its task, algorithm and preset; runs with the same label differ in their seed.
        seed: of the run.
        points: its evaluations, in order.
    """

    label: str
    seed: int
    points: tuple[CurvePoint, ...]


def read_run(directory: Path) -> RunCurve:
    """Read the curve in a run directory of `mbctl up`.

    Raises:
        ValueError: the directory holds no such run, or a file in it does not read.
    """
    described, curve = directory / "run.json", directory / "curve.csv"
    if not described.is_file() or not curve.is_file():
        raise ValueError(f"{directory} is no run directory: run.json and curve.csv must be there")
    text = described.read_text(encoding="utf-8")
    if '"identity"' in text:
        raise ValueError(
            f"{directory} is a run of `mbctl bench curves`, not of `mbctl up`: give that command "
            "again with --only-report to draw it"
        )
    try:
        trainer = json.loads(text)["trainer"]
        algorithm = trainer["algorithm"]
        label = f"{trainer['task']['name']} {algorithm['name']} {algorithm['preset']}"
        seed = int(trainer["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{described} does not describe a run: {error!r}") from error
    return RunCurve(label, seed, tuple(read_points(curve)))


def write_table(runs: Sequence[RunCurve], path: Path) -> None:
    """Write every point of every run as CSV, led by label and seed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("label", "seed", *NAMES))
        writer.writeheader()
        for run in runs:
            for point in run.points:
                rounded = {
                    name: round(value, 4) if isinstance(value, float) else value
                    for name, value in asdict(point).items()
                }
                writer.writerow({"label": run.label, "seed": run.seed, **rounded})


def draw_runs(runs: Sequence[RunCurve], path: Path) -> None:
    """Write a PNG of success over samples: a colour per label, a line per seed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    colours = {label: f"C{i}" for i, label in enumerate(dict.fromkeys(r.label for r in runs))}
    named: set[str] = set()
    for run in runs:
        name = None if run.label in named else run.label
        named.add(run.label)
        samples = [point.samples for point in run.points]
        success = [100 * point.success for point in run.points]
        axes.plot(samples, success, ".-", color=colours[run.label], alpha=0.75, label=name)
    axes.set(xlabel="samples", ylabel="success at the last step, %", ylim=(-3, 103))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)
