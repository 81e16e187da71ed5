"""D'Kitty's episodes on the virtual bus: daemons, servos and tracker in processes of their own."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mbctl.data.layout import RowLayout
from mbctl.episodes.seeding import EpisodeSeed
from mbctl.tasks.dkitty_physical import HEADING, LEGS
from mbctl.tasks.registry import make_task
from services.client import ControllerClient
from sim.servo_bus.client import RunningBus, start_virtual_bus

TASK = make_task("dkitty-orient-random")
LAYOUT = RowLayout(TASK.observation_names, TASK.robot.joint_names)
ON_ITS_BACK = [0.0, 0.0, -0.1, 0.0, np.pi, 0.0]
# The machine has other work to do.
PATIENCE = (
    "tracker.stale_s=0.4",
    "bus.watchdog_s=1",
    "bus.comm_fault_s=1",
    "bus.cycle_budget_s=0.04",
    "bus.turnaround_s=0.02",
)


@dataclass
class Rig:
    bus: RunningBus
    client: ControllerClient
    database: Path


def free_udp_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def on_the_bus(port: str, tracker: str) -> list[str]:
    robot = [
        "name=dkitty0",
        "model=dkitty",
        "backend=virtual-bus",
        f"port={port}",
        f"tracker.listen={tracker}",
        *PATIENCE,
    ]
    return [*(f"robot.{text}" for text in robot), f"task.name={TASK.name}"]


@pytest.fixture
def rig(request: pytest.FixtureRequest, pair, e2e: ModuleType) -> Iterator[Rig]:
    """Its parameter: how the robot is found."""
    tracker, initial = free_udp_address(), getattr(request, "param", "stand")
    with start_virtual_bus("dkitty", tracker_udp=tracker, initial=initial, record=None) as bus:
        pair.start_trainer("robot_model=dkitty", f"task.name={TASK.name}")
        controller = pair.start_controller("wall", *on_the_bus(bus.port, tracker))
        with ControllerClient(controller.target) as client:
            e2e.wait_until(lambda: client.status().policy.version == 1, "no first policy")
            yield Rig(bus, client, pair.run_dir / "trainer" / "trainer.db")
        pair.stop()  # before its servos go


def stored_rows(database: Path, episode_id: str) -> np.ndarray:
    """[steps, width] of one episode; they say where they are from."""
    query = "SELECT rows, row_count, backend FROM chunks WHERE episode_id = ? ORDER BY first_step"
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute(query, [episode_id.rpartition("/")[2]]).fetchall()
    assert {backend for *_, backend in found} == {"virtual-bus"}
    rows = [LAYOUT.rows_from_bytes(data, count) for data, count, _ in found]
    return np.concatenate(rows).astype(np.float64)


def torso(rig: Rig) -> np.ndarray:
    """[6] its true pose in the room."""
    return np.array(rig.bus.state()["bodies"]["torso"])


def check_start(observation: np.ndarray, index: int) -> None:
    """The robot stands where the task has this episode start, wherever that is in the room."""
    wanted = TASK.sample_start(EpisodeSeed(0, "evaluate", index).start_rng()).body_pose[0]
    before = TASK.physical(observation)
    assert before[:3] == pytest.approx(wanted[:3], abs=0.03)
    assert before[HEADING] == pytest.approx(wanted[5], abs=0.05)
    assert np.abs(before[LEGS]).max() < 0.15


def run(rig: Rig, lease: Any, count: int) -> Any:
    """The operation of evaluation episodes that nobody has run."""
    return rig.client.run_episodes(lease, count, "evaluate", explore=False)


def test_an_episode_is_in_the_world_of_its_task(rig: Rig, e2e: ModuleType):
    with rig.client.lease("test") as lease:
        rig.client.activate(lease)
        (episode,) = run(rig, lease, 1).wait().episodes
        there = torso(rig)
        rig.client.deactivate(lease)
        e2e.wait_until(lambda: rig.client.status().spool.rows == 0, "rows are not stored")
    rows = stored_rows(rig.database, episode.episode_id)
    assert len(rows) == episode.steps
    assert rows[:, LAYOUT.valid].mean() > 0.8
    check_start(rows[0, LAYOUT.observation], 0)

    first, last = rows[0, LAYOUT.observation], rows[-1, LAYOUT.next_observation]
    before, after = TASK.physical(first), TASK.physical(last)
    assert np.abs(before[HEADING]) > 0.1  # in the room it stood straight
    assert after[HEADING] - before[HEADING] == pytest.approx(there[5], abs=0.1)
    assert np.hypot(*after[:2]) == pytest.approx(np.hypot(*there[:2]), abs=0.05)
    reward = float(TASK.reward(after, TASK.goal(first)))
    assert rows[-1, LAYOUT.reward] == pytest.approx(reward, abs=0.05)


@pytest.mark.slow
def test_a_fall_ends_an_episode_and_the_next_begins_on_its_feet(rig: Rig, e2e: ModuleType):
    with rig.client.lease("test") as lease:
        rig.client.activate(lease)
        operation = run(rig, lease, 2)
        e2e.wait_until(lambda: rig.client.status().episode.step >= 10, "no episode runs")
        rig.bus.set_body(ON_ITS_BACK)
        fallen, next_one = operation.wait().episodes
        rig.client.deactivate(lease)
        e2e.wait_until(lambda: rig.client.status().spool.rows == 0, "rows are not stored")
    assert fallen.end_reason == "TERMINATED"
    assert fallen.steps < TASK.episode_steps
    rows = stored_rows(rig.database, fallen.episode_id)
    assert rows[:, LAYOUT.terminated].tolist() == [0.0] * (len(rows) - 1) + [1.0]
    check_start(stored_rows(rig.database, next_one.episode_id)[0, LAYOUT.observation], 1)


@pytest.mark.slow
@pytest.mark.parametrize("rig", ["upside-down"], indirect=True)
def test_told_to_stop_while_getting_up_it_lets_go_where_it_is(rig: Rig, e2e: ModuleType):
    """Its legs are then far outside what episodes may command."""
    hip = TASK.robot.joint_names[0]

    def swung_out() -> bool:
        return rig.bus.state()["joints"][hip]["position_rad"] < -2.5

    with rig.client.lease("test") as lease:
        rig.client.activate(lease)
        run(rig, lease, 1)
        e2e.wait_until(swung_out, "it does not get up")
        rig.client.deactivate(lease)
        status = rig.client.status()
    assert not status.HasField("fault")
    assert swung_out()
    assert not any(joint["torque_on"] for joint in rig.bus.state()["joints"].values())
