"""Every number a newcomer is promised is in the live view."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from mbctl.cli import live
from mbctl.results import CurvePoint
from protos import common_pb2
from protos.common_pb2 import EpisodeRecord
from protos.controller_pb2 import GetStatusResponse
from protos.trainer_pb2 import TrainerStatus
from services.up.view import Batch, Observer, View


def controller() -> GetStatusResponse:
    status = GetStatusResponse(clock="wall")
    status.policy.version, status.policy.newest_version = 16, 17
    status.spool.rows_written, status.spool.rows_acknowledged = 5000, 4968
    status.spool.trainer_connected = True
    status.loop.cycles, status.loop.period_s, status.loop.lateness_p99_us = 812, 0.1, 88.0
    return status


def trainer() -> TrainerStatus:
    metrics = {"model_error_one_step": 0.0123, "model_error_open_loop": 0.456}
    return TrainerStatus(
        train_rows_stored=5000,
        newest_version=17,
        refits=16,
        phase="IMPROVE",
        fraction=0.5,
        metrics=metrics,
    )


@pytest.fixture
def view() -> View:
    return View(
        doing="learning",
        samples_wanted=20_000,
        episodes=125,
        recent_success=0.35,
        recent_return=-12.5,
        point=CurvePoint(2500, 63, 0.2, -80.0, 20, 0, 4, 0.1, 0.2, 60.0, 110.0),
        controller=controller(),
        trainer=trainer(),
        elapsed_s=125.0,
        remaining_s=400.0,
    )


def drawn(view: View) -> str:
    console = Console(file=io.StringIO(), width=110)
    console.print(live._panel("dclaw-turn-random, pal, seed 0", view))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "dclaw-turn-random, pal, seed 0",
        "5000 of 20000, 125 episodes",
        "35%",
        "20%, return -80.0 at 2500 samples (20 episodes)",
        "-12.5",
        "one step 0.0123, open loop over the horizon 0.456",
        "version 16, newest 17",
        "16 done, improve",
        "812 cycles of 100 ms, late p50 0 us, p99 88 us",
        "32 of 5000 rows wait for acknowledgement",
        "2:05 so far, about 6:40 left",
    ],
)
def test_the_panel_shows(view: View, text: str):
    assert text in drawn(view)


def test_trouble_is_shown(view: View):
    view.controller.fault.CopyFrom(common_pb2.Fault(reason="STATE_STALE", message="no reading"))
    view.controller.policy.last_refusal = "WRONG_ROBOT: for dkitty"
    view.trainer.error = "learner died"
    shown = drawn(view)
    for text in ("STATE_STALE: no reading", "policy refused: WRONG_ROBOT", "trainer: learner died"):
        assert text in shown


def test_a_line_says_the_most_important(view: View):
    assert live.progress_line(view) == (
        "5000/20000 samples, 125 episodes, success 35%, evaluation 20%, return -80.0 at 2500 "
        "samples (20 episodes), policy 16, learning, about 6:40 left"
    )


def test_the_same_line_is_not_repeated(view: View, capsys: pytest.CaptureFixture[str]):
    lines = live.Lines()
    lines.show(view)
    lines.show(view)
    assert capsys.readouterr().err.count("5000/20000") == 1


class Now:
    """A clock that a test moves, s."""

    def __init__(self) -> None:
        self.s = 7.0

    def __call__(self) -> float:
        return self.s


def test_views_come_at_most_once_in_a_period_and_estimate_the_rest():
    shown: list[View] = []
    now = Now()
    observer = Observer(1000, shown.append, period_s=3600.0, now_s=now)
    observer.mark(0)
    now.s += 10.0
    observer.mark(500)
    asked: list[int] = []
    for _ in range(3):
        observer.offer(lambda: asked.append(1) or controller(), trainer)
    assert (len(shown), len(asked)) == (1, 1)
    assert shown[0].remaining_s == pytest.approx(10.0)
    assert shown[0].recent_success is None
    now.s += 3600.0
    observer.offer(controller, trainer)
    assert len(shown) == 2


def test_an_evaluation_shows_how_far_it_is(view: View):
    running = replace(view, doing="final evaluation", evaluation=Batch(34, 100))
    assert "34 of 100 episodes" in drawn(running)
    assert "final evaluation 34 of 100 episodes" in live.progress_line(running)


def test_text_in_brackets_is_shown_as_it_is(view: View):
    view.trainer.error = "column [red] of [/]"
    assert "trainer: column [red] of [/]" in drawn(view)


class Watched(Observer):
    """An observer with a clock of its own, and what it shows when it is hurried."""

    def __init__(self, final_episodes: int = 0) -> None:
        self.now, self.shown = Now(), list[View]()
        super().__init__(1000, self.shown.append, 3600.0, final_episodes, self.now)

    def view(self) -> View:
        self.hurry()
        self.offer(controller, trainer)
        return self.shown[-1]


def test_a_final_evaluation_has_a_time_of_its_own():
    observer = Watched(final_episodes=100)
    observer.mark(0)
    observer.mark(1000)
    observer.evaluation(Batch(0, 100))
    assert observer.view().remaining_s is None
    observer.now.s += 50.0
    observer.evaluation(Batch(25, 100))
    assert observer.view().remaining_s == pytest.approx(150.0)


def test_so_has_one_of_a_run_that_never_refits():
    observer = Watched(final_episodes=100)
    observer.evaluation(Batch(0, 100))
    observer.now.s += 50.0
    observer.evaluation(Batch(25, 100))
    assert observer.view().remaining_s == pytest.approx(150.0)


def test_the_final_evaluation_counts_while_learning():
    observer = Watched(final_episodes=100)
    observer.evaluation(Batch(0, 20))
    observer.now.s += 40.0
    observer.evaluation(Batch(20, 20))
    observer.evaluated()
    observer.mark(0)
    observer.now.s += 10.0
    observer.mark(500)
    assert observer.view().remaining_s == pytest.approx(10.0 + 200.0)


def test_learning_that_takes_longer_than_ever_has_no_time_left_of_zero():
    observer = Watched()
    observer.mark(0)
    observer.now.s += 10.0
    observer.mark(500)
    observer.now.s += 20.0
    assert observer.view().remaining_s is None


def test_a_resumed_run_shows_its_last_episodes():
    observer = Watched()
    observer.recall(
        [EpisodeRecord(success=True, episode_return=-1.0), EpisodeRecord(episode_return=-3.0)]
    )
    assert (observer.view().recent_success, observer.view().recent_return) == (0.5, -2.0)
