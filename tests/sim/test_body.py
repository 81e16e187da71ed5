"""Poses in and out of a simulation with a free body."""

# pyright: reportAttributeAccessIssue=false
import socket

import mujoco
import numpy as np
import pytest

from hal.clock import ManualClock
from hal.robots.dkitty import DKITTY
from hal.trackers.datagram import PoseDatagram, encode_datagram
from hal.trackers.origin import WorldOrigin
from hal.trackers.rotation import matrix_from_angles
from hal.trackers.udp import UdpTracker
from sim.body import body_states, place_bodies
from sim.scene import Scene


@pytest.fixture
def data(dkitty_scene: Scene) -> mujoco.MjData:
    return mujoco.MjData(dkitty_scene.model)


@pytest.mark.parametrize("seed", range(5))
def test_a_pose_comes_back_as_it_was_set_at_rest(
    dkitty_scene: Scene, data: mujoco.MjData, seed: int
):
    pose = np.random.default_rng(seed).uniform(-1.5, 1.5, (1, 6))
    data.qvel[:] = 1.0
    place_bodies(dkitty_scene, data, pose)
    found, rate = body_states(dkitty_scene, data)
    np.testing.assert_allclose(found, pose, atol=1e-9)
    assert not rate.any()
    mujoco.mj_forward(dkitty_scene.model, data)
    torso = data.body("kitty_frame")
    np.testing.assert_allclose(torso.xpos, pose[0, :3] + [0, 0, 0.3], atol=1e-9)
    expected = matrix_from_angles(pose[0, 3:])
    np.testing.assert_allclose(torso.xmat.reshape(3, 3), expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_rates_are_the_derivative_of_the_pose(dkitty_scene: Scene, data: mujoco.MjData, seed: int):
    rng = np.random.default_rng(seed)
    place_bodies(dkitty_scene, data, rng.uniform(-1, 1, (1, 6)))
    data.qvel[:6] = rng.normal(size=6)
    before, rate = body_states(dkitty_scene, data)
    position = data.qpos.copy()
    mujoco.mj_integratePos(dkitty_scene.model, position, data.qvel, 1e-6)
    data.qpos[:] = position
    after, _ = body_states(dkitty_scene, data)
    np.testing.assert_allclose((after - before) / 1e-6, rate, atol=1e-4)


def test_a_robot_without_bodies_has_none(dclaw_scene: Scene):
    data = mujoco.MjData(dclaw_scene.model)
    pose, rate = body_states(dclaw_scene, data)
    assert pose.shape == rate.shape == (0, 6)
    place_bodies(dclaw_scene, data, pose)
    assert not data.qpos.any()


def body_datagram(scene: Scene, data: mujoco.MjData, sequence: int, time_s: float) -> bytes:
    """The torso's pose as a motion capture system would send it."""
    pose = data.qpos[scene.body_qpos[0]]
    return encode_datagram(PoseDatagram("torso", pose[:3], pose[3:], sequence, time_s))


def test_over_the_network_a_task_sees_what_it_sees_in_simulation(
    dkitty_scene: Scene, data: mujoco.MjData
):
    """Datagrams, tracker and origin together undo each other."""
    clock = ManualClock(start_ns=1_000_000_000)
    tracker = UdpTracker(DKITTY.bodies, "127.0.0.1:0", stale_s=30.0, clock=clock)
    tracker.start()
    host, port = tracker.address.rsplit(":", 1)
    origin = WorldOrigin()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for sequence in range(12):  # it stands still where the episode starts, off the middle
            place_bodies(dkitty_scene, data, np.array([[0.5, 0.5, 0.0, 0.0, 0.0, 0.8]]))
            datagram = body_datagram(dkitty_scene, data, sequence, sequence * 0.01)
            sender.sendto(datagram, (host, int(port)))
            origin.observe(tracker.read())
            clock.advance(10_000_000)
        start = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, -0.3]])
        origin.place(start)
        place_bodies(dkitty_scene, data, np.array([[0.4, -0.3, 0.2, 2.0, 0.7, -1.1]]))
        datagram = body_datagram(dkitty_scene, data, 12, 0.12)
        sender.sendto(datagram, (host, int(port)))
        seen = origin.to_task(tracker.read())
    tracker.close()
    turned = matrix_from_angles(np.array([0.0, 0.0, -0.3 - 0.8]))
    there = body_states(dkitty_scene, data)[0][0]
    assert seen.pose[0, :3] == pytest.approx(turned @ (there[:3] - [0.5, 0.5, 0.0]))
    assert matrix_from_angles(seen.pose[0, 3:]) == pytest.approx(
        turned @ matrix_from_angles(there[3:])
    )
