"""Sequences that threads share are worth what they are worth to one."""

import threading

import pytest
import torch

from mbctl.planners.objective import SequenceObjective
from mbctl.planners.shared_objective import SharedObjective
from tests.mbctl.planners.point_mass import PointMass, PointMasses

TASK = PointMass()
START, GOAL = torch.tensor([0.2, -0.1]), torch.tensor([0.5])


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_scores_are_those_of_one_thread_in_the_same_order(threads: int, count: int):
    actions = torch.randn(5, count, 1, generator=torch.Generator().manual_seed(0))
    alone = SequenceObjective(TASK, PointMasses(0.5, 1.0), TASK.reward, 0.9, -0.5)
    shared = SharedObjective(alone, threads).score(START, GOAL, actions)
    for found, expected in zip(
        vars(shared).values(), vars(alone.score(START, GOAL, actions)).values(), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_the_parts_are_scored_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)

    class Meeting(SequenceObjective):
        def score(self, physical, goal, actions):
            meeting.wait()  # who is alone here waits for ever
            return super().score(physical, goal, actions)

    objective = SharedObjective(Meeting(TASK, PointMasses(0.5), TASK.reward), 3)
    assert objective.score(START, GOAL, torch.zeros(4, 6, 1)).value.shape == (6,)


def test_what_goes_wrong_in_a_part_is_not_lost():
    caller = threading.get_ident()

    class Broken(SequenceObjective):
        def score(self, physical, goal, actions):
            if threading.get_ident() != caller:
                raise ZeroDivisionError("in a thread")
            return super().score(physical, goal, actions)

    objective = SharedObjective(Broken(TASK, PointMasses(0.5), TASK.reward), 2)
    with pytest.raises(ZeroDivisionError, match="in a thread"):
        objective.score(START, GOAL, torch.zeros(4, 6, 1))


def test_one_thread_is_refused():
    with pytest.raises(ValueError, match="1 threads have nothing to share"):
        SharedObjective(SequenceObjective(TASK, PointMasses(0.5), TASK.reward), 1)
