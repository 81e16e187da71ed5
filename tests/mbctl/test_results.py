"""The curve survives a crash in the middle of a line and draws a picture."""

import math
from pathlib import Path

import pytest

from mbctl.results import CurvePoint, append_point, draw_curve, read_points

POINTS = [
    CurvePoint(0, 0, 0.05, -120.5, 20, 0, 1, math.nan, math.nan, 1.5, 2.5),
    CurvePoint(2500, 63, 0.35, 310.25, 20, 20, 4, 0.0125, 0.5, 80.0, 150.0),
]


@pytest.fixture
def curve(tmp_path: Path) -> Path:
    path = tmp_path / "curve.csv"
    for point in POINTS:
        append_point(path, point)
    return path


def test_points_come_back_as_they_were(curve: Path):
    first, second = read_points(curve)
    assert second == POINTS[1]
    assert (first.samples, first.success) == (0, 0.05)
    assert math.isnan(first.model_error_one_step)
    assert [type(v) for v in (second.samples, second.wall_s)] == [int, float]


def test_no_file_is_no_points(tmp_path: Path):
    assert read_points(tmp_path / "curve.csv") == []


def test_a_torn_last_line_is_left_out(curve: Path):
    curve.write_text(curve.read_text() + "5000,125,0.4")
    assert read_points(curve)[1:] == POINTS[1:]
    append_point(curve, POINTS[1])
    assert read_points(curve)[1:] == [POINTS[1], POINTS[1]]


def test_a_broken_line_in_the_middle_is_named(curve: Path):
    lines = curve.read_text().splitlines()
    curve.write_text("\n".join([lines[0], "x" + lines[1], lines[2]]) + "\n")
    with pytest.raises(ValueError, match=r"curve\.csv line 2 does not read"):
        read_points(curve)


def test_another_file_is_refused(tmp_path: Path):
    path = tmp_path / "curve.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is not a learning curve"):
        read_points(path)


def test_the_picture_is_a_png(curve: Path, tmp_path: Path):
    picture = tmp_path / "curve.png"
    draw_curve(read_points(curve), picture, "dclaw-turn-random, pal, seed 0")
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
