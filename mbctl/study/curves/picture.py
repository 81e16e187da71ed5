"""Learning curves as a picture: a panel per task, our seeds and their mean, the papers beside."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mbctl.comparison import colours as distinct_colours
from mbctl.study.curves.readings import Reading
from mbctl.study.curves.table import Curve, Mean, means

_WIDE, _HIGH = 6.5, 4.2  # inches of a panel
_LEGEND_INSIDE = 6  # entries
_LEGEND_LINE = 0.2  # inches
_LABEL = 45  # characters
_NARROW = 22  # characters of which three columns fit a panel
_BELOW = 4.5  # font sizes between a panel and a legend below it, for the axis and its name
_ROOM = 1.25  # x beyond our own last sample within which readings are drawn to scale


def draw_curves(
    curves: Sequence[Curve],
    readings: Sequence[Reading],
    path: Path,
    change_at: int | None = None,
) -> None:
    """Write a PNG. What lies far beyond our samples is named in a corner, not drawn.

    Args:
        change_at: samples at which the world changed, to be marked.

    Raises:
        ValueError: there are no curves.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(curve.task for curve in curves))
    if not tasks:
        raise ValueError("there are no curves to draw")
    colours = distinct_colours(curve.variant for curve in curves)  # the same in every panel
    columns = min(2, len(tasks))
    lines = -(-len(tasks) // columns)
    names = len(colours)
    high = _HIGH + (_LEGEND_LINE * names / 2 if names > _LEGEND_INSIDE else 0.0)
    figure = Figure(figsize=(_WIDE * columns, high * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for number, task in enumerate(tasks, start=1):
        axes = figure.add_subplot(lines, columns, number)
        of_task = [curve for curve in curves if curve.task == task]
        _draw_task(axes, task, of_task, [r for r in readings if r.task == task], colours)
        if change_at is not None:
            axes.axvline(change_at, color="0.3", linestyle=":")
            across = ("data", "axes fraction")
            axes.annotate(" the change", (change_at, 0.02), xycoords=across, fontsize="small")
    figure.savefig(path, dpi=110)


def metric_of(task: str) -> str:
    """What a task is judged by: a robot's by its successes, a published benchmark by its return."""
    return "return" if "/" in task else "success"


def _draw_task(
    axes: Any,
    task: str,
    curves: Sequence[Curve],
    readings: Sequence[Reading],
    colours: dict[str, str],
) -> None:
    metric = metric_of(task)
    share = 100.0 if metric == "success" else 1.0
    for curve in curves:
        values = [share * _value(point, metric) for point in curve.points]
        samples = [point.samples for point in curve.points]
        axes.plot(samples, values, color=colours[curve.variant], alpha=0.3, linewidth=0.8)
    for variant, points in _by_variant(means(curves)).items():
        samples = [mean.samples for mean in points]
        values = [share * _value(mean, metric) for mean in points]
        axes.plot(samples, values, ".-", color=colours[variant], label=_short(variant))
    _draw_readings(axes, curves, readings, share, colours)
    axes.set(xlabel="samples", title=task)
    axes.set_ylabel("success at the last step, %" if metric == "success" else "return")
    if metric == "success":
        axes.set_ylim(-3, 103)
    axes.grid(alpha=0.3)
    if any(curve.points for curve in curves):
        _draw_legend(axes)


def _draw_legend(axes: Any) -> None:
    """Where it hides no curve: a long one below the panel."""
    if len(axes.get_legend_handles_labels()[0]) <= _LEGEND_INSIDE:
        axes.legend(fontsize="small").set_in_layout(False)
        return
    longest = max(len(label) for label in axes.get_legend_handles_labels()[1])
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "borderaxespad": _BELOW}
    axes.legend(fontsize="small", ncols=3 if longest <= _NARROW else 2, **place)


def _draw_readings(
    axes: Any,
    curves: Sequence[Curve],
    readings: Sequence[Reading],
    share: float,
    colours: dict[str, str],
) -> None:
    """Filled where the paper gives a number, hollow where it was read off a figure."""
    last = max((p.samples for c in curves for p in c.points), default=0)
    by_algorithm = {curve.algorithm: colours[curve.variant] for curve in reversed(curves)}
    beyond: list[str] = []
    told: set[str] = set()  # in the legend, where labels beside points would lie on each other
    for reading in readings:
        colour = by_algorithm.get(reading.algorithm, "0.4")
        x, dx = _middle(reading.samples)
        y, dy = (share * part for part in _middle(reading.value))
        if reading.samples[0] > _ROOM * last:
            beyond.append(f"{reading.algorithm} {y:g} at {x:,.0f}{'' if reading.exact else ' ~'}")
            continue
        face = colour if reading.exact else "none"
        style = {"fmt": "D", "color": colour, "mfc": face, "capsize": 3, "alpha": 0.9}
        said = f"{reading.algorithm} (paper{'' if reading.exact else ' ~'})"
        axes.errorbar(x, y, xerr=dx, yerr=dy, label=None if said in told else said, **style)
        told.add(said)
    if beyond:
        text = "papers, beyond this budget (~ read off a figure):\n" + "\n".join(beyond)
        place = {"ha": "right", "va": "bottom", "transform": axes.transAxes}
        axes.text(0.99, 0.02, text, fontsize=6, in_layout=False, **place)


def _short(variant: str) -> str:
    return variant if len(variant) <= _LABEL else variant[: _LABEL - 3] + "..."


def _middle(pair: tuple[float, float]) -> tuple[float, float]:
    """Middle and half width."""
    return (pair[0] + pair[1]) / 2, (pair[1] - pair[0]) / 2


def _value(point: Any, metric: str) -> float:
    return point.success if metric == "success" else point.return_mean


def _by_variant(points: Sequence[Mean]) -> dict[str, list[Mean]]:
    groups: defaultdict[str, list[Mean]] = defaultdict(list)
    for point in points:
        groups[point.variant].append(point)
    return dict(groups)
