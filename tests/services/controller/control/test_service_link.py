"""How the control process notices that the service process is gone."""

import os

import pytest

from mbctl.tasks.registry import make_task
from services.controller.control.service_link import BEATS_PER_LOOK
from services.controller.control.settings import ControlSettings
from services.controller.control.wiring import build_link
from services.ipc.segment import SharedSegment
from services.ipc.words import SignalWords, Word

TASK_NAME = "dclaw-turn-random"
FOREVER = 1 << 62


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def link_on(clock: str, segment: SharedSegment, pipe: list[int]):
    SignalWords(segment.words).set(Word.SERVICE_HEARTBEAT_NS, FOREVER)
    settings = ControlSettings.model_validate({"task": {"name": TASK_NAME}, "clock": clock})
    return build_link(segment, settings, make_task(TASK_NAME), pipe[0])


@pytest.mark.parametrize(("clock", "beats"), [("wall", 1), ("lockstep", BEATS_PER_LOOK)])
def test_a_closed_pipe_is_noticed_before_the_heartbeat_is_old(pipe, clock, beats):
    with SharedSegment.create() as segment:
        link = link_on(clock, segment, pipe)
        link.beat()
        assert link.why_lost() is None
        os.close(pipe.pop())
        for _ in range(beats):
            link.beat()
        assert link.why_lost() == "its pipe is closed"
