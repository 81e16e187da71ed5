"""How a run looks while it goes on: a live panel on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mbctl.cli import printer
from mbctl.cli.screen import Bar, Screen
from mbctl.cli.status_text import loop_line, spool_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from services.up.view import Display, View

LIVE_PERIOD_S = 0.5
LINE_PERIOD_S = 5.0
PANEL_WIDTH_MAX = 100
STOPPING = (
    "stopping: the episodes that run may end first, within 15 s, then both daemons; no row is lost",
    "Ctrl-C again: emergency stop, torque off at once",
)


def display(title: str) -> "Display":
    """A panel where there is a terminal that can draw one, otherwise lines."""
    return Panel(title) if printer.can_draw() else Lines()


class Panel:
    """Shows views in place, from the first one on."""

    period_s = LIVE_PERIOD_S

    def __init__(self, title: str) -> None:
        self._title = title
        self._screen = Screen()
        self._last: View | None = None
        self._is_stopping = False

    def show(self, view: "View") -> None:
        self._last = view
        self._screen.draw(_panel(self._title, view, self._is_stopping))

    def acknowledge_stop(self) -> None:
        self._is_stopping = True
        if self._last is None:
            printer.note("\r\x1b[K" + "\n".join(STOPPING))  # over the ^C that was typed
        else:
            self.show(self._last)


class Lines:
    """Writes a line for each view that says something new."""

    period_s = LINE_PERIOD_S

    def __init__(self) -> None:
        self._last = ""

    def show(self, view: "View") -> None:
        line = progress_line(view)
        if line != self._last:
            printer.note(f"{time.strftime('%H:%M:%S')} {line}")
        self._last = line

    def acknowledge_stop(self) -> None:
        printer.note("\n".join(STOPPING))


def progress_line(view: "View") -> str:
    """The most important numbers in one line."""
    return (
        f"{view.trainer.train_rows_stored}/{view.samples_wanted} samples, "
        f"{view.episodes} episodes, success {_percent(view.recent_success)}, "
        f"evaluation {_evaluation(view)}, policy {view.controller.policy.version}, "
        f"{_doing(view)}, {_remaining(view.remaining_s)}"
    )


def _panel(title: str, view: "View", is_stopping: bool = False) -> "RenderableType":
    from rich import panel
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, value in _rows(view):
        grid.add_row(name, Text(value))
    notices = [*(STOPPING if is_stopping else ()), *_warnings(view)]
    body = Group(*(Text(n, style="bold yellow") for n in notices), _bars(view), "", grid)
    subtitle = Text(f"{_clock(view.elapsed_s)} so far, {_remaining(view.remaining_s)}")
    return panel.Panel(
        body, title=Text(title), subtitle=subtitle, title_align="left", width=PANEL_WIDTH_MAX
    )


def _bars(view: "View") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    trainer = view.trainer
    fit = {"REFIT": trainer.fraction, "IMPROVE": 1.0, "PUBLISH": 1.0}.get(trainer.phase, 0.0)
    improve = {"IMPROVE": trainer.fraction, "PUBLISH": 1.0}.get(trainer.phase, 0.0)
    samples = f"{trainer.train_rows_stored} of {view.samples_wanted}, {view.episodes} episodes"
    bars = Table.grid(padding=(0, 2))
    bars.add_column(no_wrap=True, style="dim")
    for name, done, text in (
        ("samples", trainer.train_rows_stored / view.samples_wanted, samples),
        ("refit", fit, f"{trainer.refits} done, {trainer.phase.lower()}"),
        ("improve", improve, view.doing),
        ("evaluate", view.evaluation.fraction, _evaluated(view)),
    ):
        bars.add_row(name, Bar(done), Text(text))
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


def _doing(view: "View") -> str:
    return f"{view.doing} {_evaluated(view)}" if view.evaluation.asked else view.doing


def _evaluated(view: "View") -> str:
    batch = view.evaluation
    return f"{batch.finished} of {batch.asked} episodes" if batch.asked else "-"


def _error(trainer: Any, kind: str) -> str:
    value = trainer.metrics.get(f"model_error_{kind}")
    return "-" if value is None else f"{value:.4g}"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else printer.percent(fraction)


def _remaining(seconds: float | None) -> str:
    return "time left not known yet" if seconds is None else f"about {_clock(seconds)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
