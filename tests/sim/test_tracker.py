"""What cameras around the simulated D'Kitty would report."""

# pyright: reportAttributeAccessIssue=false
import socket

import mujoco
import numpy as np
import pytest

from hal.clock import ManualClock
from hal.robots.dkitty import DKITTY
from hal.trackers.datagram import parse_datagram
from hal.trackers.origin import WorldOrigin
from hal.trackers.rotation import matrix_from_angles, matrix_from_quaternion
from hal.trackers.udp import UdpTracker
from sim.body import body_states, place_bodies
from sim.scene import Scene
from sim.tracker import MujocoTracker, body_datagram

TUMBLED = np.array([[0.4, -0.3, 0.2, 2.0, 0.7, -1.1]])


@pytest.fixture
def data(dkitty_scene: Scene) -> mujoco.MjData:
    data = mujoco.MjData(dkitty_scene.model)
    place_bodies(dkitty_scene, data, TUMBLED)
    data.qvel[dkitty_scene.body_dof[0]] = [0.3, 0.2, 0.1, 0.5, -0.4, 0.6]
    mujoco.mj_forward(dkitty_scene.model, data)
    return data


def test_it_reports_the_torso_where_the_room_has_it(dkitty_scene: Scene, data: mujoco.MjData):
    tracker = MujocoTracker(dkitty_scene, data, DKITTY.bodies, ManualClock(start_ns=7))
    assert tracker.bodies == ("torso",)
    tracker.start()
    seen = tracker.read()
    torso = data.body("kitty_frame")
    assert seen.stamp_ns == 7
    assert seen.valid.all()
    assert seen.pose[0, :3] == pytest.approx(torso.xpos)
    assert matrix_from_angles(seen.pose[0, 3:]).ravel() == pytest.approx(torso.xmat)
    tracker.close()


def test_its_velocity_is_what_the_pose_does(dkitty_scene: Scene, data: mujoco.MjData):
    tracker = MujocoTracker(dkitty_scene, data, DKITTY.bodies, ManualClock())
    before = tracker.read()
    mujoco.mj_integratePos(dkitty_scene.model, data.qpos, data.qvel, 1e-6)
    change = (tracker.read().pose - before.pose) / 1e-6
    assert before.velocity == pytest.approx(change, abs=1e-4)


def test_the_datagram_says_the_same(dkitty_scene: Scene, data: mujoco.MjData):
    pose = parse_datagram(body_datagram(dkitty_scene, data, 3, 1.5, "torso"))
    torso = data.body("kitty_frame")
    assert (pose.body, pose.sequence, pose.time_s) == ("torso", 3, 1.5)
    assert pose.position_m == pytest.approx(torso.xpos)
    assert matrix_from_quaternion(pose.quaternion_wxyz).ravel() == pytest.approx(torso.xmat)


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
            datagram = body_datagram(dkitty_scene, data, sequence, sequence * 0.01, "torso")
            sender.sendto(datagram, (host, int(port)))
            origin.observe(tracker.read())
            clock.advance(10_000_000)
        start = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, -0.3]])
        origin.place(start)
        place_bodies(dkitty_scene, data, TUMBLED)
        datagram = body_datagram(dkitty_scene, data, 12, 0.12, "torso")
        sender.sendto(datagram, (host, int(port)))
        seen = origin.to_task(tracker.read())
    tracker.close()
    turned = matrix_from_angles(np.array([0.0, 0.0, -0.3 - 0.8]))
    there = body_states(dkitty_scene, data)[0][0]
    assert seen.pose[0, :3] == pytest.approx(turned @ (there[:3] - [0.5, 0.5, 0.0]))
    assert matrix_from_angles(seen.pose[0, 3:]) == pytest.approx(
        turned @ matrix_from_angles(there[3:])
    )
