"""What a run notes for the estimate of its remaining time."""

from types import SimpleNamespace
from typing import Any

from protos.trainer_pb2 import TrainerStatus
from services.up.learning import Learning


def test_on_a_wall_clock_every_look_at_the_trainer_counts():
    stored = iter((200, 400, 600))
    marks: list[int] = []
    session: Any = SimpleNamespace(
        trainer=SimpleNamespace(status=lambda: TrainerStatus(train_rows_stored=next(stored))),
        observer=SimpleNamespace(mark=marks.append),
    )
    task = SimpleNamespace(name="dclaw-turn-random", observation="default")
    plan: Any = SimpleNamespace(rhythm=None, controller=SimpleNamespace(clock="wall", task=task))
    run_dir: Any = None
    learning = Learning(plan, run_dir, session, lambda: (0.0, 0.0))
    for _ in range(3):
        learning._learn()
    assert marks == [200, 400, 600]
