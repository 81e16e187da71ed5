"""mbctl show curves on run directories made by hand."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mbctl.cli.app import app
from mbctl.comparison import colours, read_runs, write_table
from mbctl.results import CurvePoint, append_point


def make_run(
    directory: Path,
    preset: str,
    seed: int,
    success: float,
    backend: str = "mujoco",
    **settings: Any,
) -> Path:
    directory.mkdir()
    algorithm = {"name": "pal", "preset": preset, "settings": settings}
    task = {"name": "dclaw-turn-random"}
    places = {"run_dir": str(directory), "listen": f"127.0.0.1:{5000 + seed}"}
    trainer = {"task": task, "algorithm": algorithm, "seed": seed, **places}
    robot = {"name": f"claw{seed}", "backend": backend}
    controller = {"task": task, "robot": robot, "seed": seed, **places}
    (directory / "run.json").write_text(
        json.dumps({"trainer": trainer, "controller": controller, "rhythm": {"samples": seed}})
    )
    for k in range(3):
        point = CurvePoint(1000 * k, 25 * k, k * success, 1.0, 20, 0, k, 0.5, 0.5, 1.0, 1.0)
        append_point(directory / "curve.csv", point)
    return directory


def test_puts_runs_into_one_table_and_one_picture(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / "a", "default", 0, 0.4),
        make_run(tmp_path / "b", "paper", 1, 0.1),
    ]
    out = tmp_path / "both"
    result = CliRunner().invoke(app, ["show", "curves", *map(str, runs), "--out", str(out)])
    assert result.exit_code == 0, result.output
    with out.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"].split()[-1], row["seed"]) for row in rows[::3]] == [
        ("default", "0"),
        ("paper", "1"),
    ]
    assert [float(row["success"]) for row in rows[:3]] == [0.0, 0.4, 0.8]
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_refuses_what_is_no_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", "curves", str(tmp_path)], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert "no run directory" in result.output


def test_leads_from_a_benchmarks_run_to_its_own_command(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"variant": "pal", "identity": {}}))
    (tmp_path / "curve.csv").touch()
    result = CliRunner().invoke(app, ["show", "curves", str(tmp_path)], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert "only-report" in result.output


def labels(runs: list[Path]) -> list[str]:
    return [run.label for run in read_runs(runs)]


def test_runs_that_differ_in_their_seed_share_a_name(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"{s}", "default", s, 0.1, npg_steps=4) for s in (0, 1)]
    assert set(labels(runs)) == {"dclaw-turn-random pal default"}


def test_runs_are_named_by_what_they_differ_in(tmp_path: Path) -> None:
    few = make_run(tmp_path / "few", "default", 0, 0.1, npg_steps=1, model_hidden=[64])
    many = make_run(tmp_path / "many", "default", 0, 0.1, npg_steps=16, model_hidden=[64])
    bus = make_run(
        tmp_path / "bus", "default", 1, 0.1, "virtual-bus", npg_steps=16, model_hidden=[32, 32]
    )
    name = "dclaw-turn-random pal default"
    assert labels([few, many]) == [f"{name} npg_steps=1", f"{name} npg_steps=16"]
    assert labels([many, bus]) == [
        f"{name} model_hidden=[64] robot.backend=mujoco",
        f"{name} model_hidden=[32,32] robot.backend=virtual-bus",
    ]
    assert labels([few, make_run(tmp_path / "paper", "paper", 0, 0.1, npg_steps=4)]) == [
        name,
        "dclaw-turn-random pal paper",
    ]


def test_the_same_run_twice_is_told_apart_by_its_folder(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, "default", 0, 0.1, npg_steps=4) for name in ("a", "b")]
    write_table(read_runs(runs), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open() as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert len({(row[0], row[1], row[2], row[-1]) for row in rows}) == len(rows) == 6


@pytest.mark.parametrize("count", [1, 10, 11, 20, 21, 60])
def test_no_colour_is_given_twice(count: int) -> None:
    given = colours(f"run {i}" for i in range(count))
    assert len(set(given.values())) == len(given) == count
