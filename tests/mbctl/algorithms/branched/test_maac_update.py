"""One update through a model: the right gradient, to the right parameters, within its bounds."""

import dataclasses

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.branched.maac import ModelAugmentedActorCritic
from mbctl.algorithms.branched.settings import MaacSettings
from mbctl.algorithms.sac.transitions import Transitions, TransitionSource
from mbctl.critics.twin_q import TwinQ
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble, Step
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from tests.conformance.point_mass import PointMass

DCLAW = make_task("dclaw-turn-random")


def make(task: Task, *, reflected: bool = False, **settings: object) -> ModelAugmentedActorCritic:
    checked = MaacSettings.model_validate({"members": 3, "elites": 2, **settings})
    generator = torch.Generator().manual_seed(0)
    learned = checked.learned_reward
    model = ProbabilisticEnsemble(task, (8, 8), 3, 2, False, learned, "silu", generator)
    sizes = len(task.observation_names), len(task.robot.joints)
    mirror = task.reflection if reflected else None
    policy = SquashedGaussianPolicy(*sizes, (8,), mirror, generator)
    critic = TwinQ(*sizes, (8,), False, generator)
    return ModelAugmentedActorCritic(task, policy, critic, model, checked)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def in_double(learner: ModelAugmentedActorCritic) -> ModelAugmentedActorCritic:
    """The same learner, exact enough for finite differences."""
    model, critic, policy = learner.model, learner.critic, learner.policy
    for module in (model, critic, policy):
        module.double()
    # The initial policy hardly acts by what it sees.
    policy.ordered[-2].detach().mul_(30.0)
    return learner


@pytest.fixture
def batch(replay) -> Transitions:
    return TransitionSource(DCLAW, replay, MaacSettings(), None).draw(32, seeded())


def point_masses(count: int = 5) -> Tensor:
    return torch.randn(count, 6, generator=seeded(), dtype=torch.float64)


@pytest.mark.parametrize("horizon", [0, 1, 3])
@pytest.mark.parametrize("entropy", ["path", "first"])
@pytest.mark.parametrize("learned_reward", [False, True])
def test_the_gradient_through_the_model_is_the_finite_difference(horizon, entropy, learned_reward):
    class Aimless(PointMass):
        """Without goals in name, so that its reward may be learned."""

        def __getattribute__(self, name: str) -> object:
            return () if name == "goal_names" else super().__getattribute__(name)

    learner = make(
        Aimless() if learned_reward else PointMass(),
        horizon=horizon,
        entropy=entropy,
        terminal_actions=2,
        learned_reward=learned_reward,
    )
    in_double(learner)
    alpha, starts = torch.tensor(0.2, dtype=torch.float64), point_masses()

    def objective() -> Tensor:
        return learner.returned(starts, alpha, seeded()).value.mean()

    objective().backward()
    width = 1e-6
    for parameter in learner.policy.ordered:
        assert parameter.grad is not None
        flat, slopes = parameter.detach().view(-1), parameter.grad.view(-1)
        for i in range(0, len(flat), 7):
            kept = flat[i].item()
            flat[i] = kept + width
            above = objective().item()
            flat[i] = kept - width
            below = objective().item()
            flat[i] = kept
            measured = (above - below) / (2 * width)
            assert slopes[i].item() == pytest.approx(measured, rel=1e-4, abs=1e-7)


def test_model_and_critics_get_no_gradient_from_the_policys_step():
    learner = make(PointMass())
    starts = point_masses().float()
    learner.returned(starts, torch.tensor(0.2), seeded()).value.sum().backward()
    frozen = [*learner.model.network.parameters(), *learner.critic.network.parameters()]
    assert all(p.grad is None for p in frozen)
    assert all(p.grad is None for p in learner.model.bounds)
    assert all(p.grad is not None for p in learner.policy.ordered)


def flat(tensors) -> Tensor:
    return torch.cat([t.detach().flatten() for t in tensors]).clone()


def test_every_part_moves_and_the_model_stays(batch):
    learner = make(DCLAW, target_rate=0.25)
    critic, policy, model = learner.critic, learner.policy, learner.model
    parts = (
        lambda: flat(critic.network.parameters()),
        lambda: flat(critic.target.parameters()),
        lambda: flat(policy.ordered),
        lambda: flat(model.network.parameters()),
    )
    before = [part() for part in parts]
    learner.update(batch, seeded())
    after = [part() for part in parts]
    assert [torch.equal(b, a) for b, a in zip(before, after, strict=True)] == [
        False,
        False,
        False,
        True,
    ]
    assert torch.allclose(after[1], before[1] + 0.25 * (after[0] - before[1]), atol=1e-7)
    metrics = learner.metrics()
    assert metrics["skipped_updates"] == 0.0
    assert 0.0 <= metrics["expansion_depth"] <= 2.0
    assert {"path_return", "policy_gradient_norm", "critic_loss", "entropy"} <= metrics.keys()


def test_policy_and_critics_see_the_mirror_image_they_act_in(batch):
    """A transition and its image are the same to them, so their updates are."""
    learners = [make(DCLAW, reflected=True, learn_temperature=False, horizon=0) for _ in "ab"]
    mirror = DCLAW.reflection
    assert mirror is not None
    all_of = torch.ones(32, 1, dtype=torch.bool)
    image = Transitions(
        mirror.observation(batch.observation, all_of),
        mirror.action(batch.action, all_of),
        batch.reward,
        mirror.observation(batch.next_observation, all_of),
        torch.ones(32),
    )
    ended = dataclasses.replace(batch, terminated=torch.ones(32))
    for learner, drawn in zip(learners, (ended, image), strict=True):
        learner.update(drawn, seeded())
    # Gradients, for Adam's first step makes much of the sign of next to nothing.
    # A path recomposes observations, and D'Claw's fingertips mirror to within a hundredth only.
    for part, tolerance in (("critic", 1e-6), ("policy", 1e-2)):
        moved = [getattr(a, part) for a in learners]
        ours = [m.ordered if part == "policy" else m.network.parameters() for m in moved]
        one, other = (flat([p.grad for p in parameters]) for parameters in ours)
        assert torch.allclose(one, other, atol=tolerance * float(one.norm()))
        assert float(one.norm()) > 1e-3


def test_the_policys_gradient_is_cut_to_its_length(batch):
    cut, whole = (
        make(DCLAW, policy_gradient_norm=norm, learn_temperature=False) for norm in (1e-3, None)
    )
    for learner in (cut, whole):
        learner.update(batch, seeded())
    gradients = [flat([p.grad for p in learner.policy.ordered]) for learner in (cut, whole)]
    assert gradients[0].norm().item() == pytest.approx(1e-3, rel=1e-2)
    length = whole.metrics()["policy_gradient_norm"]
    assert gradients[1].norm().item() == pytest.approx(length, rel=1e-4)
    assert cut.metrics()["policy_gradient_norm"] == pytest.approx(length, rel=1e-4)


def test_a_gradient_that_is_no_number_is_left_out(batch):
    learner = make(DCLAW, expansion_horizon=0)
    with torch.no_grad():
        learner.model.network.weights[0][:] = torch.nan
    before, alpha = flat(learner.policy.ordered), learner.log_alpha.item()
    learner.update(batch, seeded())
    assert torch.equal(flat(learner.policy.ordered), before)
    assert learner.log_alpha.item() == alpha
    assert learner.metrics()["skipped_updates"] == 1.0


def test_the_policy_improves_in_the_true_dynamics(monkeypatch):
    task = PointMass()
    learner = make(task, policy_learning_rate=1e-2, gamma=0.9)

    def sample(physical: Tensor, action: Tensor, *_: object, **__: object) -> Step:
        return Step(task.step(physical, action), None)

    monkeypatch.setattr(learner.model, "sample_differentiable", sample)
    starts, alpha = point_masses(64).float(), torch.tensor(0.0)
    before = learner.returned(starts, alpha, seeded()).value.mean().item()
    generator = seeded()
    for _ in range(60):
        learner.policy_optimizer.zero_grad()
        (-learner.returned(starts, alpha, generator).value.mean()).backward()
        learner.policy_optimizer.step()
    after = learner.returned(starts, alpha, seeded()).value.mean().item()
    assert after > before + 0.5
