"""Every method: finds optima, keeps what is known, keeps its deadline, repeats with its seed."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mbctl.planners.planner import PlanError
from tests.mbctl.planners.conftest import PlannerFactory
from tests.mbctl.planners.point_mass import A, B, PointMasses, quadratic_optimum

START, LAST = np.array([0.0, 0.025]), np.zeros(1)
NEAR = np.array([0.04])  # near enough for an optimum within the range of actions


class Steady:
    """A policy that always does the same."""

    def __init__(self, action: float, std: float = 0.05) -> None:
        self.action, self.std = action, std

    def distribution(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.full((len(observation), 1), self.action)
        return mean, torch.full_like(mean, self.std)


class Ticking:
    """A clock that a model's work moves on."""

    def __init__(self, model: PointMasses, call_ns: int) -> None:
        self.model, self.call_ns = model, call_ns

    def __call__(self) -> int:
        return self.call_ns * self.model.calls


def test_its_horizon_is_the_one_asked_for(method: str, make_planner: PlannerFactory):
    planner = make_planner(method, PointMasses(1.0))
    assert planner.horizon == 8


def test_it_finds_the_optimum_of_a_quadratic(method: str, make_planner: PlannerFactory):
    best, value = quadratic_optimum(torch.tensor(START, dtype=torch.float32), float(NEAR[0]), 6)
    assert best.abs().max() < 1
    planner = make_planner(method, PointMasses(1.0), horizon=6, iterations=20)
    nothing = planner.plan(START, LAST, NEAR, deadline_ns=-1)
    plan = planner.plan(START, LAST, NEAR)
    assert plan.value <= value + 1e-6
    assert value - plan.value < 0.02 * (value - nothing.value)
    assert np.abs(plan.actions[0, 0] - float(best[0])) < 0.15


@pytest.mark.parametrize("dealt", [0, 1, 2])
def test_planning_again_and_again_reaches_the_goal(
    method: str, dealt: int, make_planner: PlannerFactory
):
    model = PointMasses(0.8, 1.0, 1.2)
    planner = make_planner(method, model, horizon=12, iterations=2, members_per_sequence=dealt)
    state, last = torch.tensor([0.0, 0.0]), LAST
    for _ in range(50):
        last = planner.plan(state.numpy(), last, np.array([0.5])).actions[0]
        state = A @ state + float(last[0]) * B  # the truth is neither member's
    assert abs(float(state[0]) - 0.5) < 0.05
    assert abs(float(state[1])) < 0.15


def test_a_plan_is_never_worse_in_the_model_than_the_policy(
    method: str, make_planner: PlannerFactory
):
    best, _ = quadratic_optimum(torch.tensor(START, dtype=torch.float32), float(NEAR[0]), 1)
    for action in (-1.0, 0.3, float(best[0])):
        planner = make_planner(
            method, PointMasses(0.5, 1.0), Steady(action), population=12, iterations=1
        )
        for deadline in (None, -1):
            planner.restart()
            plan = planner.plan(START, LAST, NEAR, deadline)
            assert plan.prior_value is not None
            assert plan.value >= plan.prior_value


def test_all_members_judge_the_plan_that_a_few_have_found(
    method: str, make_planner: PlannerFactory
):
    """A search in single members would keep what the strongest of them makes of it."""
    model = PointMasses(0.2, 0.6, 1.0, 3.0)
    best, _ = quadratic_optimum(torch.tensor(START, dtype=torch.float32), float(NEAR[0]), 1)
    planner = make_planner(
        method, model, Steady(float(best[0])), members_per_sequence=1, iterations=3
    )
    plan = planner.plan(START, LAST, NEAR)
    actions = torch.from_numpy(plan.actions)[:, None]
    state, goal = (torch.from_numpy(v.astype(np.float32)) for v in (START, NEAR))
    judged = planner.objective.score(state, goal, actions)
    assert plan.value == pytest.approx(float(judged.value), abs=1e-6)
    assert plan.disagreement == pytest.approx(float(judged.disagreement), abs=1e-6)
    assert plan.prior_value is not None
    assert plan.value >= plan.prior_value


def test_a_round_without_a_finite_sequence_leaves_what_is_known(
    method: str, make_planner: PlannerFactory
):
    class Narrow(PointMasses):
        """Breaks wherever it is asked about more than the known sequences."""

        def predict(self, physical: Tensor, action: Tensor) -> Tensor:
            after = super().predict(physical, action)
            return after if physical.shape[1] <= 2 else after * torch.nan

    planner = make_planner(method, Narrow(1.0, 1.0), members_per_sequence=1, iterations=1)
    plan = planner.plan(START, LAST, NEAR)
    assert np.isfinite(plan.value)
    np.testing.assert_array_equal(plan.actions, 0.0)


def test_without_a_policy_there_is_no_prior_value(method: str, make_planner: PlannerFactory):
    plan = make_planner(method, PointMasses(1.0)).plan(START, LAST, NEAR)
    assert plan.prior_value is None


def test_a_policy_is_used_at_once_when_time_is_up(method: str, make_planner: PlannerFactory):
    model = PointMasses(1.0)
    planner = make_planner(method, model, Steady(0.4), now_ns=Ticking(model, 1000), proposals=1)
    plan = planner.plan(START, LAST, NEAR, deadline_ns=0)
    assert plan.iterations == 0
    assert plan.candidates == 1
    assert plan.actions[:, 0].tolist() == pytest.approx([0.4] * 8)


def test_a_deadline_is_kept(method: str, make_planner: PlannerFactory):
    """A round takes 8 calls of the model, and MPPI scores its mean after the last."""
    model = PointMasses(1.0)
    clock = Ticking(model, 1000)
    planner = make_planner(method, model, now_ns=clock, iterations=50)
    planner.plan(START, LAST, NEAR, deadline_ns=clock() + 30_000)  # learns what a round takes
    for calls in (9, 17, 40, 100):
        began = clock()
        plan = planner.plan(START, LAST, NEAR, deadline_ns=began + calls * 1000)
        assert clock() - began <= calls * 1000
        rounds = calls // 8 - 1 - (1 if method == "mppi" else 0)
        assert plan.iterations == max(0, rounds)


def test_a_held_up_round_is_forgotten_in_time(method: str, make_planner: PlannerFactory):
    model = PointMasses(1.0)
    clock = Ticking(model, 1000)
    planner = make_planner(method, model, now_ns=clock, iterations=2)
    planner.round_ns = 500_000
    rounds = [
        planner.plan(START, LAST, NEAR, deadline_ns=clock() + 100_000).iterations for _ in range(40)
    ]
    assert rounds[0] == 0
    assert rounds[-1] == 2


def test_more_rounds_come_nearer_to_the_optimum(method: str, make_planner: PlannerFactory):
    start = torch.tensor(START, dtype=torch.float32)
    _, value = quadratic_optimum(start, float(NEAR[0]), 8)
    gaps = []
    for rounds in (1, 16):
        planner = make_planner(method, PointMasses(1.0), iterations=rounds)
        gaps.append(value - planner.plan(START, LAST, NEAR).value)
    assert gaps[1] < 0.5 * gaps[0]


def test_the_last_plan_is_where_the_next_one_starts(method: str, make_planner: PlannerFactory):
    planner = make_planner(method, PointMasses(1.0))
    first = planner.plan(START, LAST, NEAR).actions
    again = planner.plan(START, LAST, NEAR, deadline_ns=-1, steps=0)
    assert again.actions.tolist() == first.tolist()
    planner.method.restart()  # so that nothing but the last plan is known
    shifted = planner.plan(START, LAST, NEAR, deadline_ns=-1, steps=3).actions
    assert shifted[:5].tolist() == first[3:].tolist()
    assert shifted[5:].tolist() == [first[-1].tolist()] * 3


def test_an_old_plan_is_forgotten(method: str, make_planner: PlannerFactory):
    for forget in (lambda p: p.restart(), lambda p: None):
        planner = make_planner(method, PointMasses(1.0))
        planner.plan(START, LAST, NEAR)
        forget(planner)
        plan = planner.plan(START, LAST, NEAR, deadline_ns=-1, steps=8)
        assert plan.candidates == 1
        assert np.abs(plan.actions).max() == 0


def test_the_same_seed_gives_the_same_plans(method: str, make_planner: PlannerFactory):
    def plans(seed: int) -> list[list[list[float]]]:
        planner = make_planner(method, PointMasses(0.9, 1.0), Steady(0.1), seed=seed, iterations=2)
        return [planner.plan(START, LAST, NEAR).actions.tolist() for _ in range(3)]

    assert plans(4) == plans(4)
    assert plans(4) != plans(5)


def test_actions_are_within_their_range(method: str, make_planner: PlannerFactory):
    planner = make_planner(method, PointMasses(1.0), initial_std=3.0, iterations=3)
    plan = planner.plan(START, LAST, np.array([8.0]))
    assert plan.actions.dtype == np.float32
    assert np.abs(plan.actions).max() <= 1
    assert plan.actions[0, 0] > 0.9


def test_the_policys_spread_may_be_the_searchs(method: str, make_planner: PlannerFactory):
    narrow = make_planner(
        method, PointMasses(1.0), Steady(0.0, 1e-4), prior_std=True, iterations=1, proposals=1
    )
    assert np.abs(narrow.plan(START, LAST, np.array([5.0])).actions).max() < 1e-3
    wide = make_planner(method, PointMasses(1.0), Steady(0.0, 1e-4), iterations=1, proposals=1)
    assert np.abs(wide.plan(START, LAST, np.array([5.0])).actions).max() > 0.05


def test_a_terminal_value_stands_for_the_rest(method: str, make_planner: PlannerFactory):
    """One step with the exact value of the rest gives the first action of the whole optimum."""
    start = torch.tensor(START, dtype=torch.float32)
    best, _ = quadratic_optimum(start, float(NEAR[0]), 6)

    def rest(physical: Tensor, last_action: Tensor, goal: Tensor) -> Tensor:
        values = [quadratic_optimum(row, float(NEAR[0]), 5)[1] for row in physical[0]]
        return torch.tensor(values)[None]

    planner = make_planner(
        method, PointMasses(1.0), None, rest, horizon=1, population=24, iterations=5
    )
    plan = planner.plan(START, LAST, NEAR)
    assert plan.actions[0, 0] == pytest.approx(float(best[0]), abs=0.06)


def test_a_penalty_for_disagreement_makes_it_careful(method: str, make_planner: PlannerFactory):
    bold = make_planner(method, PointMasses(0.0, 2.0))
    careful = make_planner(method, PointMasses(0.0, 2.0), disagreement_weight=-3.0)
    goal = np.array([1.0])
    effort = [float(np.abs(p.plan(START, LAST, goal).actions).sum()) for p in (bold, careful)]
    assert effort[1] < 0.5 * effort[0]


def test_a_model_that_tells_nothing_is_an_error(method: str, make_planner: PlannerFactory):
    planner = make_planner(method, PointMasses(float("nan")), Steady(0.5))
    with pytest.raises(PlanError, match="known sequences has a finite value"):
        planner.plan(START, LAST, NEAR)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"physical": np.zeros(3)}, r"physical has shape \(3,\); the task's has \(2,\)"),
        ({"last_action": np.array([np.nan])}, "last_action is not finite"),
        ({"goal": np.array([np.inf])}, "goal is not finite"),
        ({"steps": -1}, "cannot be shifted backwards"),
    ],
)
def test_bad_arguments_are_named(change: dict, message: str, make_planner: PlannerFactory):
    arguments = {"physical": START, "last_action": LAST, "goal": NEAR} | change
    with pytest.raises(ValueError, match=message):
        make_planner("icem", PointMasses(1.0)).plan(**arguments)
