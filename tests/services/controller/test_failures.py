"""What dies, and what must survive it: real processes, killed."""

import contextlib
import os
import signal
import time

import grpc
import pytest

from hal.lifecycle import Lifecycle
from mbctl import exit_codes
from mbctl.data.chunk_store import ChunkStore
from services.errors import ServiceError


@pytest.fixture
def run_dir(tmp_path, publish, policy):
    publish(tmp_path / "run", policy(1))
    return tmp_path / "run"


@contextlib.contextmanager
def _running(client, wait_for, count: int = 10_000):
    """A batch in full swing; yields its operation and the lease."""
    wait_for(lambda: client.status().policy.version == 1)
    with client.lease("tester", window_s=5.0) as lease:
        client.activate(lease)
        operation = client.run_episodes(lease, count, "train", True)
        wait_for(lambda: operation.poll(0.01) or operation.metadata.finished > 2)
        yield operation, lease


def _refusal(call, *arguments, **keywords) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call(*arguments, **keywords)
    return caught.value


def _rows(run_dir) -> list[tuple[str, int, int]]:
    """(episode, first step, rows) of every chunk, their numbers checked to be contiguous."""
    with ChunkStore(run_dir / "spool.db", read_only=True) as store:
        spool_id = store.chunks_after(0, 1, train_only=False)[0][1].spool_id
        chunks = store.chunks_from(spool_id, 0, 1_000_000)
    numbers = [1, *(chunk.next_sequence for chunk in chunks)]
    assert [chunk.first_sequence for chunk in chunks] == numbers[:-1]
    return [(chunk.episode_id, chunk.first_step, chunk.row_count) for chunk in chunks]


def test_a_killed_control_process_is_a_latched_fault(start_controller, run_dir, wait_for):
    controller = start_controller(run_dir)
    with controller.client() as client:
        with _running(client, wait_for) as (operation, lease):
            os.kill(controller.control_pid(), signal.SIGKILL)
            error = _refusal(operation.wait)
            status = client.status()
            refused = _refusal(client.activate, lease)
            assert client.emergency_stop("to be sure").torque_off_failed
            assert client.clear_fault().lifecycle == Lifecycle.E_STOPPED
            assert client.release_emergency_stop().lifecycle == Lifecycle.INACTIVE
            client.activate(lease)
            client.run_episodes(lease, 2, "evaluate", False, 0).wait()
        assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "CONTROL_PROCESS_DIED")
        assert status.lifecycle == Lifecycle.FAULT
        assert status.fault.reason == refused.reason == "CONTROL_PROCESS_DIED"
        assert client.status().boot_id != status.boot_id
        records = client.episodes()
    assert any(record.end_reason == "FAULT" for record in records)
    assert controller.stop() == exit_codes.OK
    assert sum(rows for _, _, rows in _rows(run_dir)) == sum(r.steps for r in records)


@pytest.mark.parametrize("clock", ["wall", pytest.param("lockstep", marks=pytest.mark.slow)])
def test_a_loop_that_stands_still_is_killed(start_controller, run_dir, wait_for, clock):
    controller = start_controller(run_dir, clock=clock)
    with controller.client() as client, _running(client, wait_for) as (operation, _):
        os.kill(controller.control_pid(), signal.SIGSTOP)
        error = _refusal(operation.wait)
        assert error.reason == "CONTROL_PROCESS_DIED"
        assert "stood still" in client.status().fault.message
        assert client.clear_fault().lifecycle == Lifecycle.INACTIVE


def test_without_its_service_process_the_robot_stops(
    start_controller, run_dir, wait_for, has_process
):
    controller = start_controller(run_dir)
    with (
        controller.client() as client,
        contextlib.suppress(ServiceError),  # nobody takes the lease back
        _running(client, wait_for),
    ):
        before = client.status().spool.rows_written
        controller.process.kill()
        controller.process.wait()
        wait_for(lambda: not has_process(controller.control_pid()), 5.0)
    again = start_controller(run_dir)
    with again.client() as client:
        assert client.status().lifecycle == Lifecycle.INACTIVE
        assert client.status().spool.rows_written >= before > 0
        with _running(client, wait_for, count=5) as (operation, _):
            operation.wait()
    assert again.stop() == exit_codes.OK
    _rows(run_dir)


def test_a_signal_stops_the_robot_and_loses_nothing(
    start_controller, run_dir, wait_for, has_process
):
    controller = start_controller(run_dir)
    with (
        controller.client() as client,
        contextlib.suppress(ServiceError),  # nobody takes the lease back
        _running(client, wait_for) as (operation, _),
    ):
        started = time.monotonic()
        assert controller.stop() == exit_codes.OK
        assert time.monotonic() - started < 5.0
        finished = operation.metadata.finished
    assert not has_process(controller.control_pid())
    assert not (run_dir / "controller.address").exists()
    complete = {episode for episode, step, rows in _rows(run_dir) if step + rows == 40}
    assert len(complete) >= finished


def test_a_second_controller_in_the_directory_does_not_start(start_controller, run_dir):
    first = start_controller(run_dir)
    with first.client() as client:
        second = start_controller(run_dir)
        (run_dir / "controller.address").write_text(client.caller.target + "\n")
        assert second.process.wait(30) == exit_codes.START_UP
        assert "another controller" in second.events("start_up_failed")[0]["message"]
        assert client.status().lifecycle == Lifecycle.INACTIVE


def test_a_port_in_use_is_a_start_up_error(start_controller, run_dir, tmp_path):
    first = start_controller(run_dir)
    with first.client() as client:
        second = start_controller(tmp_path / "other", listen=client.caller.target)
        assert second.process.wait(30) == exit_codes.START_UP
        message = second.events("start_up_failed")[0]["message"]
        assert client.caller.target in message


def test_a_damaged_run_directory_is_a_start_up_error(start_controller, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "spool.db").write_bytes(b"not a database, but long enough to be one" * 100)
    controller = start_controller(directory)
    assert controller.process.wait(30) == exit_codes.START_UP
    assert "spool.db" in controller.events("start_up_failed")[0]["message"]


def test_everything_in_the_run_directory_is_its_user_s_alone(start_controller, tmp_path):
    directory, before = tmp_path / "run", os.umask(0)
    try:
        controller = start_controller(directory)
    finally:
        os.umask(before)
    with controller.client() as client:
        assert client.status().lifecycle == Lifecycle.INACTIVE
        made = [directory, *directory.rglob("*")]
        open_to_others = [str(path) for path in made if path.stat().st_mode & 0o077]
    assert len(made) > 5
    assert open_to_others == []


@pytest.mark.parametrize("name", ["controller.lock", "spool.db", "spool.reserve"])
def test_a_link_in_the_run_directory_is_not_followed(start_controller, tmp_path, name):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(precious)
    controller = start_controller(tmp_path / "run")
    assert controller.process.wait(30) == exit_codes.START_UP
    assert name in controller.events("start_up_failed")[0]["message"]
    assert precious.read_text() == "kept"


def test_two_robots_never_share_a_socket(start_controller, tmp_path, short_dir):
    address = f"unix:{short_dir}/robot"
    left = start_controller(tmp_path / "left", listen=address, robot={"name": "left"})
    with left.client() as client:
        right = start_controller(tmp_path / "right", listen=address, robot={"name": "right"})
        assert right.process.wait(30) == exit_codes.START_UP
        message = right.events("start_up_failed")[0]["message"]
        assert f"process {left.process.pid}" in message
        assert client.status().robot == "left"
    assert left.stop() == exit_codes.OK
    assert not (short_dir / "robot").exists()
