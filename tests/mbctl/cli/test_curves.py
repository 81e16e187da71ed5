"""mbctl show curves on run directories made by hand."""

import csv
import json
from pathlib import Path

from typer.testing import CliRunner

from mbctl.cli.app import app
from mbctl.results import CurvePoint, append_point


def make_run(directory: Path, preset: str, seed: int, success: float) -> Path:
    directory.mkdir()
    algorithm = {"name": "pal", "preset": preset}
    trainer = {"task": {"name": "dclaw-turn-random"}, "algorithm": algorithm, "seed": seed}
    (directory / "run.json").write_text(json.dumps({"trainer": trainer}))
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
    result = CliRunner().invoke(app, ["show", "curves", str(tmp_path)])
    assert result.exit_code == 2
    assert "no run directory" in result.output


def test_leads_from_a_benchmarks_run_to_its_own_command(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"variant": "pal", "identity": {}}))
    (tmp_path / "curve.csv").touch()
    result = CliRunner().invoke(app, ["show", "curves", str(tmp_path)], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert "only-report" in result.output
