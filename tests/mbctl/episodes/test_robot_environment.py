"""In-process episodes are those of the control loop in lockstep, to the byte."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.errors import CommandError
from hal.lifecycle import Lifecycle
from hal.safety import SafetyGate
from mbctl.episodes.actor import PolicyActor
from mbctl.episodes.environment import Environment
from mbctl.episodes.robot_environment import RobotEnvironment
from mbctl.policies.manifest import row_layout
from mbctl.tasks.dclaw_turn import DClawTurn
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Array, Task
from services.controller.control.episode_batch import BatchOrder, EpisodeBatch
from services.controller.control.guarded_robot import GuardedRobot
from sim.robot import MujocoRobot

TASK = DClawTurn("dclaw-turn-random", "random")
NAMES = ("dclaw-turn-random", "dkitty-orient-random")


def requests(task: Task, seed: int) -> np.ndarray:
    """Actions beyond the range here and there, so that clipping shows."""
    shape = (task.episode_steps, len(task.robot.joints))
    return np.random.default_rng(seed).normal(0.0, 0.8, shape).astype(np.float32)


def new_robot(task: Task) -> MujocoRobot:
    return MujocoRobot(task.robot.model, task.period_s, ManualClock())


def rows_of_the_loop(task: Task, seed: int, index: int, asked: np.ndarray) -> np.ndarray:
    """Rows of the control loop's own batch, whose policy asks for these actions."""
    robot = new_robot(task)
    robot.configure()
    guarded = GuardedRobot(robot, SafetyGate(task.robot, task.period_s), ManualClock())
    guarded.activate()
    actions, sent = iter(asked), []
    policies: Any = SimpleNamespace(
        policy=SimpleNamespace(version=0, planner=None, act=lambda *_: next(actions)),
        version=0,
        at_boundary=lambda: None,
        at_step=lambda: None,
    )
    link: Any = SimpleNamespace(row_room=2, emit=lambda _: None, push_row=sent.append)
    order = BatchOrder("op", 1, "train", explore=True, first_index=index)
    batch = EpisodeBatch(order, task, seed, guarded, policies, PolicyActor(), link)
    while not batch.is_done:
        batch.step(guarded.read())
    return np.stack([np.frombuffer(message.row, np.float32) for message in sent])


def rows_of(
    environment: Environment, seed: int, index: int, asked: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Rows as the protocol's user makes them, and whether the last step was the last allowed."""
    task = environment.task
    sequence = np.random.SeedSequence([seed, 1, index])
    start = environment.reset(np.random.Generator(np.random.PCG64(sequence)))
    physical, last = start.physical, np.zeros(len(task.robot.joints))
    rows = []
    for action in asked:
        before = task.observation(physical, last, start.goal)
        step = environment.step(action)
        physical, last = step.physical, np.clip(action.astype(np.float64), -1.0, 1.0)
        after = task.observation(physical, last, start.goal)
        flags = [step.terminated, step.truncated, step.valid]
        rows.append(np.concatenate([before, step.applied, [step.reward], after, flags]))
        if step.terminated or step.truncated:
            break
    return np.stack(rows).astype(np.float32), step.truncated


@pytest.fixture
def make_environment() -> Iterator[Callable[[Task], RobotEnvironment]]:
    made: list[RobotEnvironment] = []

    def make(task: Task) -> RobotEnvironment:
        made.append(RobotEnvironment(new_robot(task), task))
        return made[-1]

    yield make
    for environment in made:
        environment.close()


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_the_control_loop(name, make_environment):
    task = make_task(name)
    environment = make_environment(task)
    for index in (3, 0):  # the second episode of the same environment begins afresh too
        asked = requests(task, index)
        expected = rows_of_the_loop(task, 5, index, asked)
        rows, _ = rows_of(environment, 5, index, asked)
        assert np.array_equal(rows, expected)


def test_the_gate_and_the_range_shape_what_is_applied(make_environment):
    asked = requests(TASK, 1)
    rows, truncated = rows_of(make_environment(TASK), 0, 0, asked)
    assert truncated
    assert len(rows) == 40
    layout = row_layout(TASK)
    applied = rows[:, layout.action]
    assert np.abs(applied).max() <= 1 + 1e-6
    assert np.abs(applied - asked.clip(-1, 1)).max() > 0.1
    physical = TASK.physical(rows[:, layout.observation].astype(np.float64))
    told = TASK.applied_action(physical, asked.astype(np.float64))
    np.testing.assert_allclose(applied, told, atol=1e-5)


def test_what_an_action_costs_is_taken_off_here_and_in_the_loop(make_environment):
    class Costly(DClawTurn):
        def action_cost(self, applied_action: Array) -> Array:
            return 7.0 + (applied_action**2).sum(axis=-1)

    costly, asked = Costly(TASK.name, "random"), requests(TASK, 2)[:40]
    rows, _ = rows_of(make_environment(costly), 4, 1, asked)
    free = rows_of_the_loop(TASK, 4, 1, asked)
    layout = row_layout(TASK)
    cost = 7.0 + (free[:, layout.action] ** 2).sum(axis=1)
    np.testing.assert_allclose(free[:, layout.reward] - rows[:, layout.reward], cost, atol=1e-4)
    looped = rows_of_the_loop(costly, 4, 1, asked)
    np.testing.assert_allclose(looped[:, layout.reward], rows[:, layout.reward], atol=1e-5)


def test_it_lets_go_of_the_robot(make_environment):
    robot = new_robot(TASK)
    environment = RobotEnvironment(robot, TASK)
    assert robot.lifecycle is Lifecycle.ACTIVE
    environment.close()
    environment.close()
    assert robot.lifecycle is Lifecycle.UNCONFIGURED


def test_a_robot_of_another_model_is_refused():
    with pytest.raises(ValueError, match=r"'dclaw-turn-random' is for robot 'dclaw', .* 'dkitty'"):
        RobotEnvironment(new_robot(make_task("dkitty-stand-fixed")), TASK)


def test_wrong_actions_and_steps_out_of_turn_are_refused(make_environment):
    environment = make_environment(TASK)
    with pytest.raises(ValueError, match="call reset first"):
        environment.step(np.zeros(9))
    environment.reset(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(9,\)"):
        environment.step(np.zeros(3))
    with pytest.raises(ValueError, match="'FFJ11' is nan"):
        environment.step(np.array([0, np.nan, *([0] * 7)]))
    for _ in range(40):
        step = environment.step(np.zeros(9))
    assert step.truncated
    with pytest.raises(ValueError, match="call reset first"):
        environment.step(np.zeros(9))


def test_what_the_gate_refuses_is_an_error(make_environment):
    class Unreadable(MujocoRobot):
        def _read(self):
            state = super()._read()
            state.valid[4] = False
            return state

    environment = RobotEnvironment(Unreadable("dclaw", TASK.period_s, ManualClock()), TASK)
    environment.reset(np.random.default_rng(0))
    with pytest.raises(CommandError, match="unreadable") as caught:
        environment.step(np.zeros(9))
    assert caught.value.reason == "STATE_INVALID"
    environment.close()
