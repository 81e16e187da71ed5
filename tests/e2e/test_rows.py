"""The rows the learner used are the rows in the database are the rows the robot sent."""

from types import ModuleType

from services.client import ControllerClient, TrainerClient


def test_sent_is_stored_is_used_across_a_killed_trainer(pair, e2e: ModuleType):
    """With the trainer dead the spool shows what was sent, before a byte of it can be stored."""
    trainer = pair.start_trainer()
    controller = pair.start_controller()
    spool = pair.run_dir / "controller" / "spool.db"
    with ControllerClient(controller.target) as client:
        e2e.wait_until(lambda: client.status().policy.version == 1, "no first policy")
        trainer.kill()
        with client.lease("test") as lease:
            client.activate(lease)
            client.run_episodes(lease, 3, "train", explore=True, first_index=0).wait()
            client.run_episodes(lease, 2, "evaluate", explore=False, first_index=0).wait()
            client.deactivate(lease)
        waiting = 5 * e2e.STEPS
        e2e.wait_until(lambda: client.status().spool.rows == waiting, "rows miss in the spool")
        sent = e2e.train_rows(spool)
        assert sent.count == 3 * e2e.STEPS

        pair.start_trainer()
        e2e.wait_until(lambda: client.status().spool.rows == 0, "the spool does not drain")
        counted = client.status().spool
    assert counted.rows_written == counted.rows_acknowledged == waiting
    assert counted.rows_dropped == 0
    assert e2e.train_rows(pair.run_dir / "trainer" / "trainer.db") == sent

    with TrainerClient(pair.trainer_target) as client:
        e2e.wait_until(lambda: client.status().phase == "WAITING", "the learner does not start")
        version = client.refit().wait().version
        status = client.status()
    assert version.train_rows == status.train_rows_used == sent.count
    assert status.rows_stored == waiting
    assert e2e.learner_rows(pair.run_dir / "trainer") == (sent.count, sent.sha256)
