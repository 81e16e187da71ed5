"""Pictures of model errors: a panel per stage, and a panel per task."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mbctl.study.errors.slopes import WITH, SlopeError
from mbctl.study.errors.stages import StageError

_STYLES = {"open": "--", "closed": "-"}


def draw_stages(errors: Sequence[StageError], path: Path) -> None:
    """Error of the named column over the look-ahead: dashed open loop, solid closed loop."""
    panels = sorted({(e.task, e.samples) for e in errors})
    figure, axes = _panels(len(panels))
    colours = {name: f"C{i}" for i, name in enumerate(dict.fromkeys(e.variant for e in errors))}
    for (task, samples), axis in zip(panels, axes, strict=True):
        groups: defaultdict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
        inside = [e for e in errors if (e.task, e.samples) == (task, samples)]
        for error in inside:
            groups[error.variant, error.mode].append(error.of_column)
        for (variant, mode), curves in groups.items():
            mean = np.mean(curves, axis=0)
            steps = range(1, len(mean) + 1)
            label = f"{variant[:30]}, {mode} loop"
            axis.plot(steps, mean, _STYLES[mode], color=colours[variant], label=label)
        axis.set(xlabel="look-ahead, steps", title=f"{task}, {samples} samples")
        axis.set_ylabel(f"error of {inside[0].column}")
        _finish(axis)
    figure.savefig(path, dpi=110)


def draw_slopes(errors: Sequence[SlopeError], path: Path) -> None:
    """Squared errors over rows: solid of derivatives, dotted of predictions."""
    tasks = list(dict.fromkeys(error.task for error in errors))
    figure, axes = _panels(len(tasks))
    for task, axis in zip(tasks, axes, strict=True):
        for loss in dict.fromkeys(error.loss for error in errors):
            colour = "C0" if loss == WITH else "C1"
            inside = [e for e in errors if e.task == task and e.loss == loss]
            for style, name in (("o-", "gradient"), (".:", "prediction")):
                rows, values = _mean((e.rows, getattr(e, name)) for e in inside)
                axis.plot(rows, values, style, color=colour, label=f"{name}, {loss}")
        axis.set(xlabel="rows", ylabel="squared error", yscale="log", title=task)
        _finish(axis)
    figure.savefig(path, dpi=110)


def _mean(pairs: Iterable[tuple[int, float]]) -> tuple[list[int], list[float]]:
    """Geometric means over seeds."""
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for rows, value in pairs:
        groups[rows].append(value)
    return sorted(groups), [float(np.exp(np.mean(np.log(groups[r])))) for r in sorted(groups)]


def _panels(count: int) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(1, min(3, count))
    lines = max(1, -(-count // columns))
    figure = Figure(figsize=(5 * columns, 4 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(lines, columns, n + 1) for n in range(count)]


def _finish(axis: Any) -> None:
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small").set_in_layout(False)
