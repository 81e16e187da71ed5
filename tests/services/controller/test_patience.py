"""A process without a processor is late; only on a wall clock is late too late."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hal.lifecycle import Lifecycle
from mbctl.config import ControllerConfig
from services.controller.patience import patience_of, service_timeout_of

pytestmark = pytest.mark.xdist_group("timing")

STARVED_S = 5.0  # far above every bound of the wall clock


@pytest.fixture
def config_of(tmp_path):
    def make(clock):
        tree = {"task": {"name": "dclaw-turn-random"}, "clock": clock, "run_dir": str(tmp_path)}
        return ControllerConfig.model_validate(tree)

    return make


def test_the_wall_clock_bounds_stay_tight(config_of):
    assert service_timeout_of(config_of("wall")) == 0.5
    assert patience_of("wall").silence_s == 3.0
    assert patience_of("wall").drain_s == 5.0


def test_lockstep_outwaits_a_busy_machine(config_of):
    assert service_timeout_of(config_of("lockstep")) == 30.0
    assert patience_of("lockstep").silence_s == 30.0


@pytest.mark.parametrize("starved", ["service", "control"])
def test_in_lockstep_a_starved_process_is_waited_for(
    start_controller, tmp_path, publish, policy, wait_for, starved
):
    publish(tmp_path / "run", policy(1))
    controller = start_controller(tmp_path / "run")
    with controller.client() as client, client.lease("patient", 60.0) as lease:
        wait_for(lambda: client.status().policy.version)
        client.activate(lease)
        batch = client.run_episodes(lease, 10_000, "train", True, 0)
        wait_for(lambda: client.status().spool.rows_written > 100)
        pid = controller.process.pid if starved == "service" else controller.control_pid()
        os.kill(pid, signal.SIGSTOP)
        time.sleep(STARVED_S)
        os.kill(pid, signal.SIGCONT)
        rows = client.status().spool.rows_written
        wait_for(lambda: client.status().spool.rows_written > rows + 100)
        assert client.status().lifecycle == Lifecycle.ACTIVE
        batch.cancel()
    assert controller.stop() == 0


def test_in_lockstep_a_starved_client_keeps_its_lease(
    start_controller, tmp_path, publish, policy, wait_for
):
    publish(tmp_path / "run", policy(1))
    controller = start_controller(tmp_path / "run")
    with controller.client() as client:
        wait_for(lambda: client.status().policy.version)
        target = ["--target", client.caller.target]
        verb = [sys.executable, "-P", "-m", "mbctl", "episode", "run", "--count", "150", *target]
        with subprocess.Popen(verb, stderr=subprocess.PIPE, text=True) as starved:
            wait_for(lambda: client.status().spool.rows_written, 60.0)
            starved.send_signal(signal.SIGSTOP)
            time.sleep(4.0)
            starved.send_signal(signal.SIGCONT)
            _, err = starved.communicate(timeout=120)
        assert starved.returncode == 0, err
        assert client.status().spool.rows_written == 150 * 40
    assert controller.stop() == 0
