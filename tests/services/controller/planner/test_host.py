"""The planner process as the service process keeps it: started, told, killed, started again."""

import os
import signal
import time

import numpy as np
import pytest

from mbctl.config import TaskConfig
from services.controller.planner import host as host_module
from services.controller.planner.host import PlanEnds, PlannerHost
from services.controller.planner.messages import PlannerTask
from services.ipc.plan_exchange import PlanRequest
from services.ipc.words import SignalWords, Word

PATIENCE_S = 90.0  # importing torch on a machine with other things to do


@pytest.fixture
def host(tmp_path, segment, exchange):
    task = PlannerTask(task=TaskConfig(name="dclaw-turn-random"), threads=1)
    made = PlannerHost(task, lambda v: tmp_path / "policies" / f"{v:06d}", is_lockstep=False)
    copies = (segment.descriptor, exchange.asked_fd, exchange.made_fd)
    made.attach(PlanEnds(*(os.dup(descriptor) for descriptor in copies)))
    yield made
    made.detach()


def until(host: PlannerHost, condition, what: str):
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        host._look()
        time.sleep(0.02)
    return value


def ask(task, exchange, host, version: int = 1):
    """A plan that comes from the process."""
    still = np.zeros(9)
    physical, goal = np.zeros(len(task.physical_names)), np.zeros(len(task.goal_names))
    found = exchange.newest_plan(0)
    seen = 0 if found is None else found[0]
    now_ns = time.monotonic_ns()
    exchange.ask(PlanRequest(now_ns, 5, 1, version, now_ns, 0, physical, goal, still, still))
    return until(host, lambda: exchange.newest_plan(seen), "no plan came")[1]


def test_without_a_planner_in_the_policy_nothing_runs(host):
    host._look()
    assert host.state() == host_module.PlannerState()


def test_it_plans_survives_its_death_and_ends_when_it_is_not_wanted(
    host, task, exchange, segment, planned, put
):
    snapshot = planned(1)
    put(snapshot)
    host.want(snapshot)
    assert ask(task, exchange, host).error == ""
    assert host.state().is_alive
    assert host.state().version == 1

    newer = planned(2)
    put(newer)
    host.want(newer)
    assert ask(task, exchange, host, 2).error == ""

    process = host._process
    assert process is not None
    process.kill()
    process.wait()
    until(host, lambda: host.state().restarts == 1, "its death was not noticed")
    assert not host.state().is_alive
    assert "signal 9" in host.state().error
    assert SignalWords(segment.words).get(Word.PLANNER_DEATHS) == 1
    assert ask(task, exchange, host, 2).error == ""
    until(host, lambda: host.state().is_alive and not host.state().error, "it did not come back")

    again = host._process
    assert again is not None
    host._wanted = None
    host._look()
    assert again.exit_code is not None
    assert not host.state().is_alive


def test_one_that_stands_still_is_killed_and_started_again(
    host, task, exchange, planned, put, monkeypatch
):
    monkeypatch.setattr(host, "_silence_s", 1.5)
    snapshot = planned(1)
    put(snapshot)
    host.want(snapshot)
    ask(task, exchange, host)
    process = host._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    until(host, lambda: not host.state().is_alive, "its silence was not noticed")
    until(host, lambda: host.state().restarts == 1, "it was not killed")
    assert process.exit_code == -signal.SIGKILL
    assert "stood still" in host.state().error
    assert ask(task, exchange, host).error == ""
