"""Put a configuration together: file, then MBCTL_* variables, then --set, then checks."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from mbctl.config.check import check_settings_for_task, check_task, resolve_algorithm
from mbctl.config.endpoints import check_tls
from mbctl.config.errors import from_validation
from mbctl.config.file import read_tree
from mbctl.config.models import ControllerConfig, Frozen, TrainerConfig
from mbctl.config.overrides import Variables, apply_assignments, read_variables
from mbctl.config.typed import typed

Tree = dict[str, Any]

ConfigT = TypeVar("ConfigT", bound=Frozen)


def load_controller(
    path: Path | None = None,
    assignments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    defaults: Tree | None = None,
) -> ControllerConfig:
    """Read, merge, validate and check a controller's configuration.

    Args:
        path: TOML or JSON file.
        assignments: `a.b=value` texts, as given to --set.
        environment: takes the place of os.environ.
        defaults: lie under the file.

    Raises:
        ConfigError: a file, key, value, task or address is not right.
    """
    variables = _variables(environment, "MBCTL_CONTROLLER_", ControllerConfig, assignments)
    with variables.named():
        config = _read(ControllerConfig, path, assignments, variables, defaults)
        check_task(config.task, config.robot.model)
        if config.tls is not None:
            check_tls("tls", config.tls, "server")
        if config.trainer_tls is not None:
            check_tls("trainer_tls", config.trainer_tls, "client")
    return config


def load_trainer(
    path: Path | None = None,
    assignments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    defaults: Tree | None = None,
) -> TrainerConfig:
    """Like `load_controller`, for a trainer; the algorithm's settings come back complete."""
    variables = _variables(environment, "MBCTL_TRAINER_", TrainerConfig, assignments)
    with variables.named():
        config = _read(TrainerConfig, path, assignments, variables, defaults)
        check_task(config.task, config.robot_model)
        algorithm = resolve_algorithm(config.algorithm)
        check_settings_for_task(algorithm, config.task.name)
        if config.tls is not None:
            check_tls("tls", config.tls, "server")
    return config.model_copy(update={"algorithm": algorithm})


def merge(under: Tree, over: Tree) -> Tree:
    """`over` on top of `under`, table by table; neither is changed."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and _is_table(value) else value
    return merged


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def validated(model: type[ConfigT], tree: Tree, where: str) -> ConfigT:
    """The tree as a `model`, each value read by the type of its field.

    Raises:
        ConfigError: a key or value is not right; `where` it came from is named.
    """
    try:
        return model.model_validate(typed(tree, model))
    except ValidationError as error:
        raise from_validation(error, model, where) from error


def _variables(
    environment: Mapping[str, str] | None,
    prefix: str,
    model: type[Frozen],
    assignments: Sequence[str],
) -> Variables:
    found = read_variables(os.environ if environment is None else environment, prefix, model)
    return found.without(text.partition("=")[0].strip() for text in assignments)


def _read(
    model: type[ConfigT],
    path: Path | None,
    assignments: Sequence[str],
    variables: Variables,
    defaults: Tree | None,
) -> ConfigT:
    tree = variables.apply(merge(defaults or {}, read_tree(path) if path else {}))
    where = str(path) if path else "configuration"
    return validated(model, apply_assignments(tree, assignments), where)
