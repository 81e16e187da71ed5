"""Every loss against golden.json, which plain Python has written from the equations."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from mbctl.losses import directional_derivative, gaussian_nll, memb, sac, value_expansion
from tests.mbctl.losses.golden_losses import GOLDEN, all_cases

MODULES = (sac, gaussian_nll, memb, value_expansion, directional_derivative)
LOSSES: dict[str, Callable[..., Any]] = {
    name: function
    for module in MODULES
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
}
CASES = json.loads(GOLDEN.read_text())
UNTOLD = {"reached", "random_models"}  # a mask and a draw, no losses


def test_the_file_is_what_the_equations_give():
    assert json.loads(json.dumps(all_cases())) == CASES


def test_every_loss_has_its_numbers():
    assert LOSSES.keys() - UNTOLD == CASES.keys()


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_loss_is_its_equation(name: str):
    told = LOSSES[name](**{k: argument(k, v) for k, v in CASES[name]["in"].items()})
    if name == "steve_target":
        told = told.value
    expected = torch.tensor(CASES[name]["out"], dtype=torch.float64)
    torch.testing.assert_close(told, expected, rtol=1e-12, atol=1e-12)


def argument(name: str, value: Any) -> Any:
    if name in ("alpha", "gamma", "target_entropy"):
        return value
    return torch.tensor(value, dtype=torch.bool if name == "imagined_end" else torch.float64)
