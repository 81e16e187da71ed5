"""Checkpoints of version 0.1, whose tensors had other names."""

import re

import torch
from torch import Tensor

State = dict[str, Tensor]

_PARTS = r"(weights|biases|gains|offsets)\."
_RULES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (rf"^(model|critic|value|dynamics|reward)\.{_PARTS}", r"\1.network.\2."),
        (rf"^previous\.model\.{_PARTS}", r"previous.network.\1."),
        (r"^statistics\.", "model."),
        (r"^(\w+)\.statistics\.", r"\1."),
        (r"^(\w+)\.adam\.", r"adam.\1."),
        (r"^(\w+)\.elites$", r"\1.elite_members"),
        (r"^log_alpha$", "temperature.log_alpha"),
    )
)


def with_names_of_today(state: State) -> State:
    """A state as learners have it today; one that is has no tensor called `policy.0`."""
    if "policy.0" not in state:
        return state
    renamed = {_renamed(name): tensor for name, tensor in state.items()}
    follower = "value" if "rows_in_units" in state else "critic"
    for name in [n for n in renamed if n.startswith("target.")]:
        renamed[f"{follower}.{name}"] = renamed.pop(name)
    if follower == "value":  # MEMB asks no slow copy of its critics, and had kept none
        for name in [n for n in renamed if n.startswith("critic.network.")]:
            renamed[name.replace("network", "target", 1)] = renamed[name]
    if "counters" in renamed:  # of the game's learners
        renamed["rows_fitted"], fitted = renamed.pop("counters").split(1)
        for model in ("model", "previous"):
            if f"{model}.input_shift" in renamed:
                renamed[f"{model}.fitted"] = fitted.to(torch.bool)
    return _with_layers(renamed)


def _renamed(name: str) -> str:
    for pattern, replacement in _RULES:
        name, found = pattern.subn(replacement, name)
        if found:
            return name
    return name


def _with_layers(state: State) -> State:
    """Weights and biases of the policy were numbered; behind them came a free deviation."""
    numbered = [name for name in state if re.fullmatch(r"policy\.\d+", name)]
    for i in range(len(numbered)):
        layer, kind = divmod(i, 2)
        is_deviation = len(numbered) % 2 == 1 and i == len(numbered) - 1
        name = "log_std" if is_deviation else f"layers.{layer}.{('weight', 'bias')[kind]}"
        state[f"policy.{name}"] = state.pop(f"policy.{i}")
    return state
