"""Shows a run that goes on for ever, as a program of its own; Ctrl-C as `mbctl up` takes it."""

import time

from mbctl.cli import live
from protos.controller_pb2 import GetStatusResponse
from protos.trainer_pb2 import TrainerStatus
from services.up.stop import StopNow, StopSignals
from services.up.view import Batch, Display, View


def view(number: int) -> View:
    return View(
        doing="collecting",
        samples_wanted=1000,
        episodes=number,
        recent_success=0.25,
        recent_return=-1.0,
        point=None,
        controller=GetStatusResponse(),
        trainer=TrainerStatus(train_rows_stored=500, phase="WAITING"),
        elapsed_s=1.0,
        remaining_s=None,
        evaluation=Batch(number, 100),
    )


def show_for_ever(display: Display) -> None:
    number = 0
    while True:
        number += 1
        display.show(view(number))
        time.sleep(0.05)


def main() -> None:
    display = live.display("a-task, an-algorithm, seed 0")
    with StopSignals(display.acknowledge_stop):
        try:
            show_for_ever(display)
        except StopNow:
            raise SystemExit(4) from None


if __name__ == "__main__":
    main()
