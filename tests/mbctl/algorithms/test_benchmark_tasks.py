"""Every learner takes the benchmark tasks: no goal, a goal, ends for good, costs of acting."""

import numpy as np
import pytest

from mbctl.algorithms.registry import algorithm_config, build_algorithm
from mbctl.data.layout import Rows
from mbctl.data.replay import Replay
from mbctl.episodes.environment import Environment
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import PolicyArchitecture, row_layout
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import build_snapshot
from mbctl.tasks.registry import make_task
from sim.environments import make_environment
from tests.mbctl.algorithms.test_contract import CASES

TASKS = (
    "gym/InvertedPendulum-v5",
    "gym/Reacher-v5",
    pytest.param("gym/Pendulum-v1", marks=pytest.mark.slow),
    pytest.param("mbbl/Hopper", marks=pytest.mark.slow),
)
ROWS = 80
HORIZON_MAX = 10  # of those who would roll whole episodes of a thousand steps out


def random_episode(environment: Environment, rng: np.random.Generator) -> Rows:
    task = environment.task
    start = environment.reset(rng)
    physical, last = start.physical, np.zeros(len(task.robot.joints))
    rows: list[np.ndarray] = []
    while len(rows) < ROWS:
        asked = rng.uniform(-1.0, 1.0, len(last))
        before = task.observation(physical, last, start.goal)
        step = environment.step(asked)
        physical, last = step.physical, asked
        after = task.observation(physical, last, start.goal)
        flags = [step.terminated, step.truncated, step.valid]
        rows.append(np.concatenate([before, step.applied, [step.reward], after, flags]))
        if step.terminated or step.truncated:
            break
    return np.stack(rows).astype(np.float32)


@pytest.fixture(scope="module", params=TASKS)
def replay(request: pytest.FixtureRequest) -> tuple[str, Replay]:
    task, rng = make_task(request.param), np.random.default_rng(0)
    filled = Replay(row_layout(task), None)
    environment = make_environment(task)
    while filled.total < ROWS:
        rows = random_episode(environment, rng)
        filled.append(rows, np.arange(len(rows)))
    environment.close()
    return request.param, filled


@pytest.mark.parametrize("name", CASES)
def test_both_moves_leave_a_policy_for_the_task(name: str, replay: tuple[str, Replay]):
    task = make_task(replay[0])
    settings = dict(CASES[name].settings)
    if getattr(algorithm_config(name, settings), "horizon", 0) > HORIZON_MAX:
        settings["horizon"] = HORIZON_MAX
    algorithm = build_algorithm(name, settings, task, 0)

    def progress(*_told: object) -> None: ...

    metrics = {
        **algorithm.refit(replay[1], progress),
        **algorithm.improve(replay[1], progress),
    }
    assert all(np.isfinite(value) for value in metrics.values())
    architecture, weights = algorithm.snapshot()
    described = PolicyArchitecture.model_validate(architecture)
    made = build_snapshot(task, weights, version=1, algorithm=name, architecture=described)
    check_snapshot(made, task, dry_run=False)
    observation = replay[1].rows[0, replay[1].layout.observation]
    assert np.isfinite(NumpyPolicy(made).act(observation, None)).all()
