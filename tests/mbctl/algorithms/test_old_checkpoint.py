"""Checkpoints that version 0.1 wrote are read; those in `checkpoints` were made by it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Algorithm
from mbctl.algorithms.old_checkpoint import with_names_of_today
from tests.conformance.algorithm import filled, move
from tests.mbctl.algorithms.cases import CASES

FILES = sorted((Path(__file__).parent / "checkpoints").glob("*.safetensors"))


def stored(file: Path) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    """Algorithm, settings and state."""
    with safetensors.safe_open(file, framework="pt") as found:
        identity = json.loads(found.metadata()["mbctl"])["identity"]
        state = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118 - no dict
    return identity["algorithm"], identity["settings"], state


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def old(request) -> tuple[Algorithm, dict[str, Tensor], str]:
    """A learner that has read one."""
    name, settings, state = stored(request.param)
    learner = CASES[name].build(7, **settings)
    learner.load_state(state)
    return learner, state, name


def test_there_is_one_of_each_family():
    assert [file.stem for file in FILES] == ["ddppo", "gda", "mbpo", "memb", "pal", "sac"]
    assert all(file.stat().st_size < 50_000 for file in FILES)


def test_everything_in_it_is_read(old):
    learner, state, _ = old
    read = learner.state()
    renamed = with_names_of_today(state)
    assert read.keys() == renamed.keys()
    assert all(torch.equal(read[name], renamed[name]) for name in read)
    # Numbers, and not only names: nothing of the old file is left out but what is stated anew.
    held = {tensor.numpy().tobytes() for tensor in read.values()}
    left = {name for name, tensor in state.items() if tensor.numpy().tobytes() not in held}
    assert left <= {"counters"}


def test_the_policy_acts_as_it_did(old):
    learner, state, _ = old
    weights = learner.snapshot()[1]
    old_layers = [state[f"policy.{i}"].numpy() for i in range(4)]
    layers = [weights[f"layers.{i}.{part}"] for i in (0, 1) for part in ("weight", "bias")]
    assert all(np.array_equal(a, b) for a, b in zip(layers, old_layers, strict=True))
    assert np.array_equal(weights["input_scale"], state["policy.input_scale"].numpy())
    if "policy.4" in state:
        assert np.array_equal(weights["log_std"], state["policy.4"].numpy())


def test_learning_goes_on_from_it(old):
    learner, _, name = old
    replay = filled(learner, name, learner.settings.initial_rows + 20)
    before = learner.snapshot()[1]
    metrics = move(learner, replay)
    assert all(np.isfinite(value) for value in metrics.values())
    after = learner.snapshot()[1]
    assert any(not np.array_equal(before[k], after[k]) for k in before)


def test_one_with_a_part_missing_is_refused():
    name, settings, state = stored(FILES[0])
    del state["target.weights.0"]
    with pytest.raises(ValueError, match=r"lacks 'critic\.target\.weights\.0'"):
        CASES[name].build(7, **settings).load_state(state)
