"""A changed robot moves otherwise, and the original stays what it was."""

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.robots.dclaw import DCLAW
from hal.types import JointCommand, ResetTarget
from sim.perturbation import Perturbation, perturbed
from sim.robot import MujocoRobot
from sim.scene import build_scene


@pytest.fixture(scope="module")
def scene():
    return build_scene(DCLAW)


def moved(scene) -> tuple[np.ndarray, float]:
    """Joints and valve after two seconds of one motion."""
    rng = np.random.default_rng(1)
    with MujocoRobot("dclaw", 0.1, ManualClock(), scene) as robot:
        robot.configure()
        robot.activate()
        robot.reset(ResetTarget(np.array(DCLAW.home_position_rad), np.array([0.3])))
        low, high = DCLAW.position_min_rad, DCLAW.position_max_rad
        for _ in range(20):
            robot.write(JointCommand(rng.uniform(low, high)))
        state = robot.read()
    return state.joint_position_rad, float(state.object_position_rad[0])


def test_no_change_is_no_change(scene):
    before, after = moved(scene), moved(perturbed(scene, Perturbation()))
    np.testing.assert_allclose(after[0], before[0], atol=1e-9)
    assert after[1] == pytest.approx(before[1], abs=1e-9)


@pytest.mark.parametrize(
    "change",
    [
        Perturbation(link_length=1.15),
        Perturbation(object_damping=50.0),
        Perturbation(actuator_strength=0.7),
    ],
)
def test_each_change_moves_the_valve_elsewhere(scene, change):
    before, after = moved(scene), moved(perturbed(scene, change))
    assert abs(after[1] - before[1]) > 0.02
    again = moved(scene)
    assert again[1] == before[1]  # the shared scene was not written to


def test_links_grow_by_the_factor_and_the_mounts_stay(scene):
    longer = perturbed(scene, Perturbation(link_length=1.2))
    ratio = np.linalg.norm(longer.model.body_pos, axis=1) / np.maximum(
        np.linalg.norm(scene.model.body_pos, axis=1), 1e-12
    )
    changed = np.isclose(ratio, 1.2)
    assert changed.sum() == 6  # two inner joints on each of three fingers
    assert np.isclose(ratio[~changed], 1.0).sum() + (ratio[~changed] == 0).sum() == (~changed).sum()
