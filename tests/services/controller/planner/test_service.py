"""A whole controller with a planner on the wall clock: hung, killed, and what the status says."""

import json
import os
import signal
from pathlib import Path

import pytest

from hal.lifecycle import Lifecycle
from mbctl.cli.status_text import status_text
from services.errors import ServiceError

THREADS = 3


@pytest.fixture
def controller(start_controller, tmp_path, publish, planned):
    publish(tmp_path / "run", planned(1))
    return start_controller(tmp_path / "run", clock="wall", planner_threads=THREADS)


def planner_pid(controller) -> int:
    return controller.events("planner_started")[-1]["pid"]


def test_the_robot_goes_on_while_its_planner_hangs_and_dies(controller, wait_for):
    with controller.client() as client:
        wait_for(lambda: client.status().policy.version == 1)
        wait_for(lambda: client.status().planner.alive, 90)
        with client.lease("tester", window_s=10.0) as lease:
            client.activate(lease)
            operation = client.run_episodes(lease, 1000, "train", False, 0)

            def planned_steps() -> int:
                planner = client.status().planner
                return planner.steps - planner.fallback_steps

            wait_for(lambda: planned_steps() > 5, 60)
            status = client.status()
            assert status.planner.policy_version == 1
            assert 0 < status.planner.planning_s < 5
            assert status.planner.plan_age_s > 0
            assert status.planner.disagreement >= 0
            assert "\nplanner" in status_text(status)
            threads = Path(f"/proc/{planner_pid(controller)}/task").iterdir()
            assert len(list(threads)) >= THREADS

            os.kill(planner_pid(controller), signal.SIGSTOP)
            before = client.status().planner
            wait_for(lambda: client.status().planner.fallback_steps > before.fallback_steps + 3, 60)
            hung = wait_for(lambda: _if(client.status(), lambda s: not s.planner.alive), 60)
            assert hung.lifecycle == Lifecycle.ACTIVE
            assert any(w.startswith("PLANNER_GONE: no sign") for w in hung.health.warnings)
            assert "DOWN, the policy acts alone" in status_text(hung)
            assert hung.planner.late_rate > 0

            # Its silence gets it killed; that is a death like any other.
            wait_for(lambda: client.status().planner.restarts >= 1, 60)
            wait_for(lambda: client.status().planner.alive, 90)
            before_steps = planned_steps()
            wait_for(lambda: planned_steps() > before_steps + 3, 60)
            assert client.status().lifecycle == Lifecycle.ACTIVE
            assert operation.poll(0.01) is False
            operation.cancel()
        wait_for(lambda: client.status().lifecycle == Lifecycle.INACTIVE)
    assert controller.stop() == 0
    assert json.dumps(controller.events("fault")) == "[]"


def test_in_lockstep_a_planner_that_dies_is_a_fault(
    start_controller, tmp_path, publish, planned, wait_for
):
    publish(tmp_path / "run", planned(1))
    controller = start_controller(tmp_path / "run", clock="lockstep")
    with controller.client() as client:
        wait_for(lambda: client.status().policy.version == 1)
        with client.lease("tester", window_s=10.0) as lease:
            client.activate(lease)
            operation = client.run_episodes(lease, 10_000, "train", True, 0)
            wait_for(lambda: client.status().planner.steps > 5, 90)
            os.kill(planner_pid(controller), signal.SIGKILL)
            with pytest.raises(ServiceError, match="PLANNER_DIED"):
                operation.wait()
            status = wait_for(lambda: _if(client.status(), lambda s: s.fault.reason), 30)
        assert status.fault.reason == "PLANNER_DIED"
        assert status.planner.late_steps == 0


def _if(value, condition):
    return value if condition(value) else None
