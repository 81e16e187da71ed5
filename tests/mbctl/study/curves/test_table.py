"""Means over seeds and samples to thresholds, on curves made by hand."""

import csv

import pytest

from mbctl.study.curves.picture import draw_curves, metric_of
from mbctl.study.curves.points import Point, RunFilesError, read_points, spread, write_points
from mbctl.study.curves.readings import Reading, Threshold, read_readings, write_readings
from mbctl.study.curves.table import Curve, Mean, Reached, means, samples_to, write_records

THRESHOLDS = (
    Threshold(task="t", metric="success", value=0.5),
    Threshold(task="t", metric="return", value=300),
    Threshold(task="other", metric="return", value=0),
)


def point(samples: int, success: float) -> Point:
    return Point(
        samples=samples,
        episodes=1,
        moves=1,
        success=success,
        **spread([200 * success, 400 * success]),
        length_mean=5,
        evaluation_episodes=2,
        first_index=0,
        wall_s=1,
        cpu_s=2,
    )


@pytest.fixture
def curves() -> list[Curve]:
    return [
        Curve("t", "pal", "pal", 0, (point(0, 0), point(10, 0.4), point(20, 0.5), point(30, 0.4))),
        Curve("t", "pal", "pal", 1, (point(0, 0), point(10, 0.8), point(20, 0.6))),
        Curve("t", "sac", "sac", 0, (point(0, 0.1),)),
    ]


def test_means_are_where_all_seeds_are(curves):
    found = {(m.variant, m.samples): m for m in means(curves)}
    assert found["pal", 10].success == pytest.approx(0.6)
    assert found["pal", 10].success_std == pytest.approx(0.2 * 2**0.5)
    assert found["pal", 10].return_mean == pytest.approx(180)
    assert (found["pal", 20].seeds, found["sac", 0].seeds) == (2, 1)
    assert ("pal", 30) not in found  # seed 1 was not looked at there
    assert found["sac", 0].success_std == 0


def test_a_seed_that_has_not_begun_hides_no_mean(curves):
    begun = means([*curves, Curve("t", "pal", "pal", 2, ())])
    assert [(m.variant, m.samples) for m in begun] == [
        (m.variant, m.samples) for m in means(curves)
    ]


def test_a_look_at_the_end_of_a_smaller_budget_is_in_no_mean():
    """One seed was run to 15 first, then both to 20."""
    both = [
        Curve("t", "pal", "pal", 0, (point(0, 0), point(10, 0.2), point(15, 0.9), point(20, 0.4))),
        Curve("t", "pal", "pal", 1, (point(0, 0), point(10, 0.0), point(20, 0.2))),
    ]
    assert [(m.samples, m.seeds) for m in means(both)] == [(0, 2), (10, 2), (20, 2)]


def test_a_threshold_is_reached_at_the_first_point_that_is_as_good(curves):
    found = {(r.variant, r.metric): r for r in samples_to(curves, THRESHOLDS)}
    assert set(found) == {(v, m) for v in ("pal", "sac") for m in ("success", "return")}
    pal = found["pal", "success"]
    assert (pal.reached, pal.seeds, pal.median, pal.least, pal.most) == (2, 2, 15, 10, 20)
    assert found["pal", "return"].reached == 0
    assert found["pal", "return"].median is None
    assert found["sac", "success"].seeds == 1


def test_points_survive_a_file(tmp_path, curves):
    path = tmp_path / "curve.csv"
    write_points(curves[0].points, path)
    assert str(read_points(path)) == str(list(curves[0].points))  # NaN is not equal to itself
    path.write_text("a,b\n1,2\n")
    with pytest.raises(RunFilesError, match=r"curve\.csv"):
        read_points(path)
    assert read_points(tmp_path / "none.csv") == []


def test_records_have_their_heading(tmp_path, curves):
    write_records(means(curves), Mean, tmp_path / "m.csv")
    write_records([], Reached, tmp_path / "r.csv")
    with (tmp_path / "m.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert rows[1]["success"] == "0.6"
    assert (tmp_path / "r.csv").read_text().startswith("task,variant,metric,threshold")


def test_readings_are_sound():
    readings = read_readings()
    for reading in readings.reading:
        assert 0 < reading.samples[0] <= reading.samples[1]
        assert reading.value[0] <= reading.value[1]
        if reading.metric == "success":
            assert reading.value[1] <= 1
        if reading.exact:  # a figure cannot be quoted as exact
            assert "figure" not in reading.source.split(";")[0]
    metrics = {(r.task, r.metric) for r in readings.reading}
    assert all(metric == metric_of(task) for task, metric in metrics)


def test_the_papers_values_lie_beside_ours(tmp_path):
    readings = read_readings()
    hopper = readings.of_tasks({"gym/Hopper-v5"})
    assert hopper
    assert {reading.task for reading in hopper} == {"gym/Hopper-v5"}
    write_readings(hopper, tmp_path / "papers.csv")
    with (tmp_path / "papers.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["value_to"]) for line in lines] == [r.value[1] for r in hopper]


def test_the_picture_shows_ours_beside_the_papers(tmp_path, curves):
    def reading(samples: float, *, exact: bool) -> Reading:
        return Reading(
            task="t", algorithm="pal", metric="success", samples=(samples, 2 * samples),
            value=(0.9, 1), exact=exact, source="text",
        )  # fmt: skip

    near, far = reading(10, exact=True), reading(1e6, exact=False)
    sizes = {}
    for name, readings in (("none", []), ("near", [near]), ("both", [near, far])):
        draw_curves(curves, readings, tmp_path / f"{name}.png")
        sizes[name] = (tmp_path / f"{name}.png").read_bytes()
    assert len(set(sizes.values())) == 3
    draw_curves(curves, [], tmp_path / "changed.png", change_at=5)
    sizes["changed"] = (tmp_path / "changed.png").read_bytes()
    assert sizes["changed"] != sizes["none"]
    assert all(data.startswith(b"\x89PNG") for data in sizes.values())
    assert metric_of("dclaw-turn-random") == "success"
    assert metric_of("gym/Hopper-v5") == "return"
