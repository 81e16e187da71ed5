"""`mbctl up` from its first sample to its summary, through two daemons."""

import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from mbctl.policies.snapshot import load_snapshot
from mbctl.results import read_points
from services.client import ControllerClient
from services.errors import ServiceError


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, e2e: ModuleType) -> dict:
    """The summary of a run of 240 samples with seed 5."""
    run_dir = tmp_path_factory.mktemp("up") / "run"
    run = e2e.mbctl(*e2e.up_arguments(run_dir, 240, 5))
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_the_summary_says_what_was_reached(finished: dict):
    assert finished["complete"]
    assert (finished["samples"], finished["episodes"]) == (240, 6)
    assert (finished["seed"], finished["task"]) == (5, "dclaw-turn-random")
    assert finished["policy_version"] == 4  # one untrained, one for each of three refits
    assert 0.0 <= finished["success"] <= 1.0
    assert finished["wall_s"] > 0
    assert finished["cpu_s"] > 0
    assert finished == json.loads((Path(finished["run_dir"]) / "summary.json").read_text())


def test_the_curve_has_its_points(finished: dict):
    points = read_points(Path(finished["curve_csv"]))
    assert [p.samples for p in points] == [0, 160, 240]
    assert [p.evaluation_episodes for p in points] == [2, 2, 4]
    assert [p.first_index for p in points] == [0, 2, 4]
    assert [p.policy_version for p in points] == [1, 3, 4]
    assert Path(finished["curve_png"]).read_bytes().startswith(b"\x89PNG")


def test_versions_are_where_the_summary_says(finished: dict):
    newest = load_snapshot(Path(finished["versions_dir"]) / "000004")
    assert newest.manifest.train_rows == 240


def test_the_learner_used_the_rows_in_the_database(finished: dict, e2e: ModuleType):
    stored = e2e.train_rows(Path(finished["database"]))
    assert stored.count == 240
    used = e2e.learner_rows(Path(finished["run_dir"]) / "trainer")
    assert used == (240, stored.sha256)


def test_nothing_is_left_running(finished: dict, e2e: ModuleType):
    assert e2e.processes_mentioning(finished["run_dir"]) == []


def test_the_same_seed_gives_the_same_rows(finished: dict, tmp_path: Path, e2e: ModuleType):
    run = e2e.mbctl(*e2e.up_arguments(tmp_path / "again", 240, 5))
    assert run.returncode == 0, run.stderr
    again = json.loads(run.stdout.splitlines()[-1])
    first = e2e.train_rows(Path(finished["database"]))
    assert e2e.train_rows(Path(again["database"])) == first
    assert again["success"] == finished["success"]
    assert again["return"] == finished["return"]


def test_a_finished_run_s_directory_refuses_another_run(finished: dict, e2e: ModuleType):
    run = e2e.mbctl(*e2e.up_arguments(Path(finished["run_dir"]), 240, 6))
    assert run.returncode == 2
    assert "controller.seed is 5 there and 6 here" in run.stderr


def test_ctrl_c_stops_and_the_same_command_resumes(tmp_path: Path, e2e: ModuleType):
    run_dir = tmp_path / "run"
    arguments = e2e.up_arguments(run_dir, 400, 7)
    command = [sys.executable, "-P", "-m", "mbctl", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        curve = run_dir / "curve.csv"
        e2e.wait_until(
            lambda: len(read_points(curve)) >= 2, "no evaluation after 160 samples", 180.0
        )
        up.send_signal(signal.SIGINT)
        out, err = up.communicate(timeout=60)
    assert up.returncode == 0, err
    assert "to resume: mbctl up" in err
    stopped = json.loads(out.splitlines()[-1])
    assert not stopped["complete"]
    assert 160 <= stopped["samples"] < 400
    before = e2e.train_rows(Path(stopped["database"]))
    assert before.count == stopped["samples"]
    assert e2e.processes_mentioning(str(run_dir)) == []

    resumed = e2e.mbctl(*arguments)
    assert resumed.returncode == 0, resumed.stderr
    summary = json.loads(resumed.stdout.splitlines()[-1])
    after = e2e.train_rows(Path(summary["database"]))
    assert summary["complete"]
    assert summary["samples"] == after.count == 400
    assert after.episode_ids == tuple(f"t{i:08d}" for i in range(10))
    assert summary["wall_s"] > stopped["wall_s"]
    points = read_points(curve)
    indices = [
        i for p in points for i in range(p.first_index, p.first_index + p.evaluation_episodes)
    ]
    assert indices == list(range(len(indices)))


def test_a_killed_run_resumes_without_loss_or_repetition(tmp_path: Path, e2e: ModuleType):
    run_dir = tmp_path / "run"
    arguments = e2e.up_arguments(run_dir, 320, 9)
    with subprocess.Popen([sys.executable, "-P", "-m", "mbctl", *arguments]) as up:
        curve = run_dir / "curve.csv"
        e2e.wait_until(
            lambda: len(read_points(curve)) >= 2, "no evaluation after 160 samples", 180.0
        )
        up.kill()
    acknowledged = e2e.train_rows(run_dir / "trainer" / "trainer.db").episode_ids
    resumed = e2e.mbctl(*arguments)
    assert resumed.returncode == 0, resumed.stderr
    summary = json.loads(resumed.stdout.splitlines()[-1])
    assert summary["samples"] >= 320
    after = e2e.train_rows(Path(summary["database"]))
    assert after.count == summary["samples"]
    assert after.episode_ids[: len(acknowledged)] == acknowledged
    assert after.episode_ids == tuple(f"t{i:08d}" for i in range(len(after.episode_ids)))


def test_a_second_ctrl_c_is_an_emergency_stop(tmp_path: Path, e2e: ModuleType):
    run_dir = tmp_path / "run"
    command = [sys.executable, "-P", "-m", "mbctl", *e2e.up_arguments(run_dir, 100_000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        e2e.wait_until(lambda: len(read_points(run_dir / "curve.csv")) >= 1, "no evaluation")
        up.send_signal(signal.SIGINT)
        up.send_signal(signal.SIGTERM)
        out, err = up.communicate(timeout=60)
    assert up.returncode == 4, err
    assert json.loads(out.splitlines()[-1])["error"]["reason"] == "STOPPED_TWICE"
    assert "emergency_stop" in (run_dir / "logs" / "controller.log").read_text()
    assert e2e.processes_mentioning(str(run_dir)) == []


def test_a_daemon_that_dies_ends_the_run_with_its_log(tmp_path: Path, e2e: ModuleType):
    run_dir = tmp_path / "run"
    command = [sys.executable, "-P", "-m", "mbctl", *e2e.up_arguments(run_dir, 100_000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        e2e.wait_until(lambda: len(read_points(run_dir / "curve.csv")) >= 1, "no evaluation")
        trainer = e2e.pid_of(f"mbctl trainer --config {run_dir}")
        subprocess.run(["kill", "-KILL", str(trainer)], check=True)
        out, err = up.communicate(timeout=60)
    assert up.returncode == 4, err
    assert "the trainer ended with signal 9; the end of" in err
    assert json.loads(out.splitlines()[-1])["error"]["reason"] == "DAEMON_DIED"
    assert "to resume: mbctl up" in err
    e2e.wait_until(lambda: e2e.processes_mentioning(str(run_dir)) == [], "processes are left")


def test_a_summary_is_never_older_than_the_run(tmp_path: Path, e2e: ModuleType):
    run_dir = tmp_path / "run"
    summary = run_dir / "summary.json"
    assert e2e.mbctl(*e2e.up_arguments(run_dir, 80)).returncode == 0
    assert json.loads(summary.read_text())["complete"]

    command = [sys.executable, "-P", "-m", "mbctl", *e2e.up_arguments(run_dir, 100_000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        e2e.wait_until(lambda: len(read_points(run_dir / "curve.csv")) >= 3, "no evaluation")
        assert not summary.exists()
        control = e2e.control_pid_of(run_dir / "logs" / "controller.log")
        subprocess.run(["kill", "-KILL", str(control)], check=True)
        _, err = up.communicate(timeout=60)
    assert up.returncode != 0
    assert "CONTROL_PROCESS_DIED" in err
    assert "to resume: mbctl up" in err
    ended = json.loads(summary.read_text())
    assert not ended["complete"]
    assert ended["error"].startswith("CONTROL_PROCESS_DIED")
    assert ended["samples"] == e2e.train_rows(Path(ended["database"])).count > 80


def test_a_port_in_use_is_a_start_up_error(tmp_path: Path, e2e: ModuleType):
    with e2e.taken_address() as taken:
        more = f"--set=controller.listen={taken}"
        run = e2e.mbctl(*e2e.up_arguments(tmp_path / "run", 100, 0, more))
    assert run.returncode == 3, run.stderr
    assert "the controller ended with exit code 3" in run.stderr
    assert taken in run.stderr
    assert e2e.processes_mentioning(str(tmp_path)) == []


def test_check_config_starts_nothing(tmp_path: Path, e2e: ModuleType):
    run = e2e.mbctl(*e2e.up_arguments(tmp_path / "run", 100), "--check-config")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["trainer"]["algorithm"]["settings"]["members"] == 2
    assert list(tmp_path.iterdir()) == []


def test_people_may_stop_and_release_the_simulated_robot_at_any_moment(
    tmp_path: Path, e2e: ModuleType
):
    """Whatever the run does just then: waiting, activating, collecting, learning, evaluating."""
    run_dir = tmp_path / "run"
    listen = e2e.free_address("127.0.0.1:0")
    more = f"--set=controller.listen={listen}"
    command = [sys.executable, "-P", "-m", "mbctl", *e2e.up_arguments(run_dir, 800, 3, more)]
    stops: list[object] = []
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up,
        ControllerClient(listen) as robot,
    ):
        e2e.wait_until(robot.is_serving, "the controller does not serve")
        rng = random.Random(1)
        while up.poll() is None and len(stops) < 20:
            with contextlib.suppress(ServiceError):  # the run may have ended just now
                stops.append(robot.emergency_stop("a person"))
                time.sleep(rng.choice([0, 0.01, 0.3, 1.0]))
                robot.release_emergency_stop()
            time.sleep(rng.choice([0.02, 0.1, 0.3]))
        out, err = up.communicate(timeout=120)
    assert up.returncode == 0, err
    summary = json.loads(out.splitlines()[-1])
    assert summary["complete"]
    assert summary["samples"] >= 800
    assert len(stops) > 5
