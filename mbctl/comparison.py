"""The learning curves of several runs side by side: one table, one picture."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mbctl.results import NAMES, CurvePoint, read_points

# What a run may differ in without learning anything else: names, places, addresses.
_NEUTRAL = frozenset(
    {"run_dir", "seed", "listen", "metrics_listen", "tls", "trainer", "trainer_tls"}
    | {"robot.name", "robot.port", "spool_quota_mb", "row_ring_mb", "planner_threads"}
    | {"device", "planner_device"}
)
_FEW_COLOURS, _COLOURS = 10, 20


@dataclass(frozen=True)
class RunCurve:
    """One run.

    Attributes:
        label: its task, algorithm and preset, and what sets it apart from others that share them;
            runs with the same label differ in their seed at most.
        seed: of the run.
        points: its evaluations, in order.
        directory: of the run.
        settings: all that it learned under, by path, such as "algorithm.settings.npg_steps".
    """

    label: str
    seed: int
    points: tuple[CurvePoint, ...]
    directory: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_runs(directories: Sequence[Path]) -> list[RunCurve]:
    """Read the curves in run directories of `mbctl up`.

    Raises:
        ValueError: a directory holds no such run, or a file in it does not read.
    """
    runs = [_read_run(directory) for directory in directories]
    groups: defaultdict[str, list[RunCurve]] = defaultdict(list)
    for run in runs:
        groups[run.label].append(run)
    apart = {label: _differing(group) for label, group in groups.items()}
    return [_labelled(run, apart[run.label]) for run in runs]


def _differing(runs: Sequence[RunCurve]) -> list[str]:
    """Paths of the settings that are not the same in all of these runs."""
    paths = dict.fromkeys(path for run in runs for path in run.settings)
    return [p for p in paths if any(r.settings.get(p) != runs[0].settings.get(p) for r in runs)]


def _labelled(run: RunCurve, paths: Iterable[str]) -> RunCurve:
    told = (
        f"{path.removeprefix('algorithm.settings.')}={_short(run.settings.get(path))}"
        for path in paths
    )
    return replace(run, label=" ".join((run.label, *told)))


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _settings(described: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a run learned under, by path; both daemons know the task, told once."""
    return {
        path: value
        for daemon in ("trainer", "controller")
        for path, value in _leaves(described.get(daemon, {}), "")
        if path not in _NEUTRAL and not path.startswith(("tls.", "trainer_tls."))
    }


def _leaves(value: Any, path: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for key, below in value.items():
        yield from _leaves(below, f"{path}.{key}" if path else key)


def _read_run(directory: Path) -> RunCurve:
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
        run = json.loads(text)
        trainer = run["trainer"]
        algorithm = trainer["algorithm"]
        label = f"{trainer['task']['name']} {algorithm['name']} {algorithm['preset']}"
        seed, settings = int(trainer["seed"]), _settings(run)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{described} does not describe a run: {error!r}") from error
    return RunCurve(label, seed, tuple(read_points(curve)), str(directory), settings)


def write_table(runs: Sequence[RunCurve], path: Path) -> None:
    """Write every point of every run as CSV: label and seed first, the run's directory last."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("label", "seed", *NAMES, "run"))
        writer.writeheader()
        for run in runs:
            for point in run.points:
                rounded = {
                    name: round(value, 4) if isinstance(value, float) else value
                    for name, value in asdict(point).items()
                }
                writer.writerow(
                    {"label": run.label, "seed": run.seed, **rounded, "run": run.directory}
                )


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, none twice."""
    from matplotlib import color_sequences, colormaps
    from matplotlib.colors import to_hex

    told = list(dict.fromkeys(names))
    if len(told) <= _COLOURS:
        chosen = color_sequences["tab10" if len(told) <= _FEW_COLOURS else "tab20"]
    else:
        chosen = [colormaps["turbo"](i / (len(told) - 1)) for i in range(len(told))]
    return {name: to_hex(colour) for name, colour in zip(told, chosen, strict=False)}


def draw_runs(runs: Sequence[RunCurve], path: Path) -> None:
    """Write a PNG of success over samples: a colour per label, a line per seed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    of_label = colours(run.label for run in runs)
    named: set[str] = set()
    for run in runs:
        name = None if run.label in named else run.label
        named.add(run.label)
        samples = [point.samples for point in run.points]
        success = [100 * point.success for point in run.points]
        axes.plot(samples, success, ".-", color=of_label[run.label], alpha=0.75, label=name)
    axes.set(xlabel="samples", ylabel="success at the last step, %", ylim=(-3, 103))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small" if len(of_label) <= _FEW_COLOURS else 5)
    figure.savefig(path, dpi=110)
