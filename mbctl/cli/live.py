"""How a run looks while it goes on: a live panel on a terminal, plain lines elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mbctl.cli import render
from mbctl.cli.status_text import loop_line, spool_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from services.up.view import View

Show = Callable[["View"], None]

LIVE_PERIOD_S = 0.5
LINE_PERIOD_S = 5.0
BAR_WIDTH = 40


@contextlib.contextmanager
def live_view(title: str) -> Iterator[Show]:
    """Yields a function that shows views in place."""
    from rich.live import Live

    with Live(console=render.console(), auto_refresh=False, transient=False) as live:
        yield lambda view: live.update(_panel(title, view), refresh=True)


@contextlib.contextmanager
def plain_view() -> Iterator[Show]:
    """Yields a function that writes a line for each view that says something new."""
    last = ""

    def show(view: "View") -> None:
        nonlocal last
        line = progress_line(view)
        if line != last:
            render.note(f"{time.strftime('%H:%M:%S')} {line}")
        last = line

    yield show


def progress_line(view: "View") -> str:
    """The most important numbers in one line."""
    return (
        f"{view.trainer.train_rows_stored}/{view.samples_wanted} samples, "
        f"{view.episodes} episodes, success {_percent(view.recent_success)}, "
        f"evaluation {_evaluation(view)}, policy {view.controller.policy.version}, "
        f"{view.doing}, {_remaining(view.remaining_s)}"
    )


def _panel(title: str, view: "View") -> "RenderableType":
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for name, value in _rows(view):
        grid.add_row(f"[dim]{name}[/dim]", value)
    parts: list[RenderableType] = [_bars(view), "", grid]
    parts += [f"[bold yellow]{warning}[/bold yellow]" for warning in _warnings(view)]
    subtitle = f"{_clock(view.elapsed_s)} so far, {_remaining(view.remaining_s)}"
    return Panel(Group(*parts), title=title, subtitle=subtitle, title_align="left")


def _bars(view: "View") -> "RenderableType":
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    bars = Table.grid(padding=(0, 2))
    trainer = view.trainer
    fit = {"REFIT": trainer.fraction, "IMPROVE": 1.0, "PUBLISH": 1.0}.get(trainer.phase, 0.0)
    improve = {"IMPROVE": trainer.fraction, "PUBLISH": 1.0}.get(trainer.phase, 0.0)
    samples = f"{trainer.train_rows_stored} of {view.samples_wanted}, {view.episodes} episodes"
    for name, done, text in (
        ("samples", trainer.train_rows_stored / view.samples_wanted, samples),
        ("refit", fit, f"{trainer.refits} done, {trainer.phase.lower()}"),
        ("improve", improve, view.doing),
    ):
        bar = ProgressBar(total=1.0, completed=min(done, 1.0), width=BAR_WIDTH)
        bars.add_row(f"[dim]{name}[/dim]", bar, text)
    return bars


def _rows(view: "View") -> Iterator[tuple[str, str]]:
    trainer, controller = view.trainer, view.controller
    yield "success, last 20", _percent(view.recent_success)
    yield "evaluation", _evaluation(view)
    yield "return, last 20", "-" if view.recent_return is None else f"{view.recent_return:.1f}"
    one_step, open_loop = _error(trainer, "one_step"), _error(trainer, "open_loop")
    yield "model error", f"one step {one_step}, open loop over the horizon {open_loop}"
    newest = f"version {controller.policy.version}, newest {trainer.newest_version}"
    yield "policy on robot", newest
    yield "loop", loop_line(controller)
    yield "spool", spool_line(controller.spool)


def _warnings(view: "View") -> Iterator[str]:
    if view.controller.HasField("fault"):
        yield f"{view.controller.fault.reason}: {view.controller.fault.message}"
    if view.controller.spool.error:
        yield f"spool: {view.controller.spool.error}"
    if view.controller.policy.last_refusal:
        yield f"policy refused: {view.controller.policy.last_refusal}"
    if view.trainer.error:
        yield f"trainer: {view.trainer.error}"


def _evaluation(view: "View") -> str:
    point = view.point
    if point is None:
        return "-"
    return (
        f"{_percent(point.success)}, return {point.episode_return:.1f} "
        f"at {point.samples} samples ({point.evaluation_episodes} episodes)"
    )


def _error(trainer: Any, kind: str) -> str:
    value = trainer.metrics.get(f"model_error_{kind}")
    return "-" if value is None else f"{value:.4g}"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.0%}"


def _remaining(seconds: float | None) -> str:
    return "time left not known yet" if seconds is None else f"about {_clock(seconds)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
