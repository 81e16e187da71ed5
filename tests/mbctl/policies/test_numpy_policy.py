import dataclasses

import numpy as np
import pytest
import torch

from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import SnapshotError
from mbctl.policies.numpy_policy import NumpyPolicy
from mbctl.policies.snapshot import Snapshot
from mbctl.tasks.task import Task


def torch_mean(snapshot: Snapshot, observation: np.ndarray) -> np.ndarray:
    weights = {name: torch.from_numpy(array) for name, array in snapshot.weights.items()}
    hidden = (torch.from_numpy(observation) - weights["input_shift"]) / weights["input_scale"]
    layers = len(snapshot.manifest.policy.hidden) + 1
    for i in range(layers):
        hidden = weights[f"layers.{i}.weight"] @ hidden + weights[f"layers.{i}.bias"]
        hidden = torch.tanh(hidden) if i < layers - 1 else hidden
    return hidden.numpy()


def observations(snapshot: Snapshot, count: int) -> np.ndarray:
    width = len(snapshot.manifest.observation_names)
    return np.random.default_rng(3).normal(size=(count, width)).astype(np.float32)


def test_mean_agrees_with_torch(snapshot: Snapshot):
    policy = NumpyPolicy(snapshot)
    for observation in observations(snapshot, 50):
        action = policy.act(observation)
        assert action.dtype == np.float32
        np.testing.assert_allclose(action, torch_mean(snapshot, observation), rtol=0, atol=2e-6)


def test_samples_have_the_stated_mean_and_deviation(snapshot: Snapshot):
    policy = NumpyPolicy(snapshot)
    observation = observations(snapshot, 1)[0]
    rng = np.random.default_rng(0)
    actions = np.stack([policy.act(observation, rng) for _ in range(4000)])
    deviation = np.exp(snapshot.weights["log_std"])
    np.testing.assert_array_less(
        np.abs(actions.mean(axis=0) - policy.act(observation)), 5 * deviation / np.sqrt(4000)
    )
    np.testing.assert_allclose(actions.std(axis=0), deviation, rtol=0.08)


def test_same_generator_same_action_and_results_do_not_alias(snapshot: Snapshot):
    policy = NumpyPolicy(snapshot)
    first, second = observations(snapshot, 2)
    a = policy.act(first, np.random.default_rng(5))
    kept = a.copy()
    policy.act(second, np.random.default_rng(6))
    np.testing.assert_array_equal(a, kept)
    np.testing.assert_array_equal(a, policy.act(first, np.random.default_rng(5)))


def test_overflow_is_passed_on_without_a_warning(snapshot: Snapshot):
    snapshot.weights["layers.2.weight"][:] = 3e38
    snapshot.weights["layers.1.bias"][:] = 100.0
    assert not np.isfinite(NumpyPolicy(snapshot).act(observations(snapshot, 1)[0])).any()


def mirrored(snapshot: Snapshot, task: Task, **changed) -> Snapshot:
    assert task.reflection is not None
    reflection = task.reflection.model_copy(update=changed)
    architecture = snapshot.manifest.policy.model_copy(update={"reflection": reflection})
    manifest = snapshot.manifest.model_copy(update={"policy": architecture})
    return dataclasses.replace(snapshot, manifest=manifest)


def test_a_mirrored_policy_acts_as_the_tasks_reflection_says(snapshot: Snapshot, task: Task):
    assert task.reflection is not None
    plain, policy = NumpyPolicy(snapshot), NumpyPolicy(mirrored(snapshot, task))
    flips = 0
    for observation in observations(snapshot, 40):
        flipped = task.reflection.flipped(observation)
        flips += int(flipped.sum())
        seen = task.reflection.observation(observation, flipped)
        expected = task.reflection.action(plain.act(seen), flipped)
        np.testing.assert_array_equal(policy.act(observation), expected)
        image = task.reflection.observation(observation, np.array([True]))
        np.testing.assert_array_equal(
            policy.act(image), task.reflection.action(expected, np.array([True]))
        )
    assert 5 < flips < 35


@pytest.mark.parametrize(
    "change",
    [{"selector": 999}, {"selector": -1}, {"action_order": (0,) * 9}, {"action_sign": (0.5,) * 9}],
)
def test_a_reflection_that_is_no_signed_permutation_is_refused(snapshot, task: Task, change):
    check_snapshot(mirrored(snapshot, task), task)
    with pytest.raises(SnapshotError, match=r"SHAPE_MISMATCH.*reflection"):
        check_snapshot(mirrored(snapshot, task, **change), task)
