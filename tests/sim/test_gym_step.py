"""A step from a given state is the environment's own."""

import numpy as np
import pytest

pytest.importorskip("gymnasium")

from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.registry import make_task
from sim.environments import make_environment
from sim.gym_step import GymStep


def gym_task(name: str) -> GymTask:
    task = make_task(name)
    assert isinstance(task, GymTask)
    return task


def test_it_steps_as_the_environment_does():
    task = gym_task("gym/InvertedPendulum-v5")
    step, environment = GymStep(task), make_environment(task)
    rng = np.random.default_rng(0)
    before = environment.reset(rng).physical
    for _ in range(5):
        action = rng.uniform(-0.1, 0.1, 1)
        after = environment.step(action).physical
        np.testing.assert_allclose(step(before[None], action[None])[0], after, atol=1e-6)
        before = after
    environment.close()
    step.close()


def test_a_state_that_is_not_the_whole_one_is_refused():
    with pytest.raises(ValueError, match="not its body's whole state"):
        GymStep(gym_task("gym/Hopper-v5"))
    with pytest.raises(ValueError, match="whole state"):
        GymStep(gym_task("gym/Pendulum-v1"))
