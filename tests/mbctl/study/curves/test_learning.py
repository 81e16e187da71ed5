"""A run comes to the same end however often it is broken off."""

import numpy as np
import pytest
import safetensors.torch

from mbctl.policies.manifest import row_layout
from mbctl.study.curves import learning
from mbctl.study.curves.learning import CurveRun
from mbctl.study.curves.points import read_points
from mbctl.study.curves.run_files import (
    CHECKPOINT_FILE,
    PLAN_FILE,
    POINTS_FILE,
    ROWS_FILE,
    RunFiles,
    RunFilesError,
    check_identity,
    is_finished,
)
from mbctl.tasks.registry import make_task

TASK = make_task("dclaw-turn-random")
LAYOUT = row_layout(TASK)


class BrokenOffError(Exception):
    """The run is killed here."""


def go(plan, directory, stop_at=None):
    """Run; break off at report number `stop_at`. Returns the number of reports."""
    reports = 0

    def say(told):
        nonlocal reports
        reports += 1
        if reports == stop_at:
            raise BrokenOffError

    run = CurveRun(plan, RunFiles(directory, LAYOUT.width), say)
    try:
        run.run()
    finally:
        run.close()
    return reports


@pytest.fixture(autouse=True)
def saved_at_each_move(monkeypatch):
    monkeypatch.setattr(learning, "SAVE_PERIOD_S", 0.0)
    monkeypatch.setattr(learning, "SAVE_SHARE", 1e9)


def found(directory):
    rows = (directory / ROWS_FILE).read_bytes()
    tensors = safetensors.torch.load((directory / CHECKPOINT_FILE).read_bytes())
    points = read_points(directory / POINTS_FILE)
    timeless = [p.model_dump(exclude={"wall_s", "cpu_s"}) for p in points]
    return rows, {k: v.numpy().tobytes() for k, v in tensors.items()}, str(timeless)


def test_it_is_the_same_run_with_and_without_interruptions(plan, tmp_path):
    reports = go(plan, tmp_path / "straight")
    for stop in range(2, reports, 3):
        with pytest.raises(BrokenOffError):
            go(plan, tmp_path / "broken", stop_at=min(stop, 4))
        if is_finished(tmp_path / "broken", plan):
            break
    go(plan, tmp_path / "broken")
    assert found(tmp_path / "broken") == found(tmp_path / "straight")


def test_its_curve_and_rows_are_what_was_asked_for(plan, tmp_path):
    assert not is_finished(tmp_path, plan)
    go(plan, tmp_path)
    points = read_points(tmp_path / POINTS_FILE)
    assert [p.samples for p in points] == [0, 60, 120, 170]
    assert [p.moves for p in points] == [0, 0, 1, 2]
    assert [p.evaluation_episodes for p in points] == [1, 1, 1, 2]
    assert [p.first_index for p in points] == [0, 1, 2, 3]
    rows, steps = RunFiles(tmp_path, LAYOUT.width).take_rows(170)
    assert (steps == np.arange(170) % 40).all()
    assert (rows[:, LAYOUT.truncated] == (steps == 39)).all()
    assert rows[:, LAYOUT.valid].all()
    assert is_finished(tmp_path, plan)
    reward = TASK.reward(
        TASK.physical(rows[:, LAYOUT.next_observation]), TASK.goal(rows[:, LAYOUT.next_observation])
    )
    np.testing.assert_allclose(rows[:, LAYOUT.reward], reward, rtol=1e-3, atol=2e-2)


def test_a_larger_budget_goes_on_and_another_configuration_is_refused(plan, tmp_path):
    go(plan, tmp_path)
    rhythm = plan.rhythm.model_copy(update={"samples": 200})
    longer = plan.model_copy(update={"rhythm": rhythm})
    assert not is_finished(tmp_path, longer)
    go(longer, tmp_path)
    assert [p.samples for p in read_points(tmp_path / POINTS_FILE)] == [0, 60, 120, 170, 180, 200]
    from mbctl.study.curves.run_files import begin_run

    begin_run(tmp_path, longer)
    settings = {**plan.identity.settings, "npg_steps": 2}
    identity = plan.identity.model_copy(update={"settings": settings})
    with pytest.raises(RunFilesError, match=r"settings\.npg_steps was 1, is 2"):
        begin_run(tmp_path, plan.model_copy(update={"identity": identity}))


def test_a_damaged_checkpoint_is_named(plan, tmp_path):
    go(plan, tmp_path)
    path = tmp_path / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RunFilesError, match=rf"damaged: .*; remove {tmp_path} to begin"):
        go(plan, tmp_path)


def test_a_damaged_plan_is_named(plan, tmp_path):
    (tmp_path / PLAN_FILE).write_text('{"variant": 3}')
    with pytest.raises(
        RunFilesError, match=r"describe a run: variant: Input should be a valid string; remove"
    ):
        check_identity(tmp_path, plan)


def test_rows_that_are_missing_are_noticed(plan, tmp_path):
    go(plan, tmp_path)
    path = tmp_path / ROWS_FILE
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(RunFilesError, match=rf"fewer rows .*; remove {tmp_path} to begin"):
        go(plan, tmp_path)
