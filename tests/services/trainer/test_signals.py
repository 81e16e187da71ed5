"""Signals of a terminal reach the foreground: the trainer drains, its learner waits for it."""

import os
import signal

import pytest


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_the_trainer_drains_and_its_learner_does_not_die_of_it(start_trainer, signum):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup
    try:
        trainer = start_trainer()
    finally:
        signal.signal(signal.SIGHUP, before)
    learner = trainer.learner_pid()
    assert os.getpgid(learner) != os.getpgid(trainer.process.pid)
    trainer.process.send_signal(signum)
    trainer.process.send_signal(signum)
    assert trainer.process.wait(15) == 0
    names = [event["event"] for event in trainer.events()]
    assert "learner_died" not in names
    assert "forced_exit" not in names
