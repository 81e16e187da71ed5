"""mbctl show: curves of several runs; robots, tasks and the like, with who defines them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbctl.cli import printer
from mbctl.cli.options import Json

if TYPE_CHECKING:
    from hal.registry import Registry

Entry = dict[str, Any]


def show_curves(
    runs: Annotated[list[Path], typer.Argument(help="Run directories of mbctl up.")],
    out: Annotated[Path, typer.Option(help="Writes OUT.csv and OUT.png.")] = Path("curves"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the paths as JSON.")] = False,
) -> None:
    """Put the learning curves of several runs side by side."""
    from mbctl.comparison import draw_runs, read_runs, write_table

    try:
        curves = read_runs(runs)
        table, picture = out.with_suffix(".csv"), out.with_suffix(".png")
        write_table(curves, table)
        draw_runs(curves, picture)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    paths = {"csv": str(table), "png": str(picture)}
    printer.result(paths, f"wrote {table} and {picture}", as_json)


def show_robots(as_json: Json = False) -> None:
    """List the robot models: mbctl controller --set robot.model=NAME."""
    from hal.robots.registry import ROBOTS

    def facts(name: str) -> Iterator[Entry]:
        robot = ROBOTS[name]
        yield {
            "name": name,
            "joints": len(robot.spec.joints),
            "simulated": robot.scene is not None,
            "servos": robot.servos is not None,
        }

    show_registry(ROBOTS, facts, as_json)


def show_tasks(as_json: Json = False) -> None:
    """List the tasks with their observations: mbctl up --task NAME --set task.observation=..."""
    from mbctl.tasks.registry import TASKS, make_task

    def facts(name: str) -> Iterator[Entry]:
        observations = list(TASKS[name].kind.observations)
        yield {"name": name, "robot": make_task(name).robot.model, "observations": observations}

    show_registry(TASKS, facts, as_json)


def show_algorithms(as_json: Json = False) -> None:
    """List the algorithms: mbctl up --algorithm NAME."""
    from mbctl.algorithms.registry import ALGORITHMS

    def facts(name: str) -> Iterator[Entry]:
        settings = ALGORITHMS[name].settings.model_fields
        yield {"name": name, "settings": len(settings), "presets": len(ALGORITHMS[name].presets())}

    show_registry(ALGORITHMS, facts, as_json)


def show_presets(as_json: Json = False) -> None:
    """List the presets of all algorithms: mbctl up --algorithm ALGORITHM --preset PRESET."""
    from mbctl.algorithms.registry import ALGORITHMS

    def facts(name: str) -> Iterator[Entry]:
        for preset in ALGORITHMS[name].presets():
            yield {"algorithm": name, "preset": preset}

    show_registry(ALGORITHMS, facts, as_json)


def show_planners(as_json: Json = False) -> None:
    """List the search methods of planners: mbctl up --set algorithm.planner.method=NAME."""
    from mbctl.planners.settings import PLANNERS

    def facts(name: str) -> Iterator[Entry]:
        yield {"name": name, "settings": len(PLANNERS[name].model_fields)}

    show_registry(PLANNERS, facts, as_json)


def show_subscribers(as_json: Json = False) -> None:
    """List what may look on at a controller: mbctl controller --set subscribers.NAME={}."""
    from services.controller.subscriber import SUBSCRIBERS

    show_registry(SUBSCRIBERS, lambda name: [{"name": name}], as_json)


def show_registry(
    registry: "Registry[Any]", facts: Callable[[str], Iterable[Entry]], as_json: bool
) -> None:
    """A line for each of a definition's facts, with the module that it comes from.

    A plug-in that cannot be loaded is named with its reason.
    """
    entries = [
        {**entry, "module": registry.module(name)}
        for name in registry.names()
        for entry in facts(name)
    ]
    broken = registry.broken()
    for message in broken.values():
        printer.note(f"warning: {message}")
    rows = [
        [", ".join(value) if isinstance(value, list) else value for value in entry.values()]
        for entry in entries
    ]
    text = printer.table(list(entries[0]), rows) if entries else f"no {registry.kind}"
    printer.result({"entries": entries, "broken": broken}, text, as_json)
